"""What the consumer group says of a pipeline's consumer, as kafka-consumer-groups would."""

from ops.snapshot import Observer


def group_lag(pipeline):
    """Messages that the group has not committed; None where the broker does not say."""
    observer = Observer(pipeline.kafka, pipeline.database)
    try:
        lags = observer.look().lags
    finally:
        observer.close()
    if any(each.group is None and each.end for each in lags):
        return None
    return sum(each.end - (each.group or 0) for each in lags)
