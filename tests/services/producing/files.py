"""What a replica leaves in its folder."""

import json

SHARDS = 6


def events(tmp_path, producer_id):
    lines = (tmp_path / f"{producer_id}.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def log_of(tmp_path, producer_id):
    return {event["event"] for event in events(tmp_path, producer_id)}


def done_files(tmp_path):
    return sorted((tmp_path / "raw").glob("date=*/*.jsonl"))


def pending_files(tmp_path):
    return sorted((tmp_path / "raw" / "pending").glob("*"))
