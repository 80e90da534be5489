"""The page of what each login may do, from the tables that grant it."""

from collections import defaultdict
from collections.abc import Iterator

from common.broker.principals import ALL_POWERFUL, Principal
from common.broker.rights import RIGHTS, Right
from common.settings import KafkaSettings
from db.schema.accounts import TABLE_RIGHTS, Role, account_name
from ops.reference.markdown import code, generated, page_of, table

_HEAD = """\
Each part logs in as somebody of its own, and everything that no row names is refused. `vitals up` and `vitals setup`
grant these rights, and take back what is not in the tables."""

_BROKER = f"""\
## Kafka

Reading and writing include describing: partitions, offsets. Nobody but {" and ".join(map(code, ALL_POWERFUL))}
creates, changes or deletes a topic, a group, a login or a right. Whoever has no login gets no answer."""

_DATABASE = """\
## Database

Nobody but root creates an account or grants a right. Every account demands TLS."""

_WORK = {
    Role.MIGRATOR: "`vitals up`, `vitals setup`; `vitals patient`, `quarantine discard`, `quarantine resend`,"
    " `reconcile --repair|--undo`, `replay --register`, `users looks`, `users prune`",
    Role.CONSUMER: "the consumer and its workers",
    Role.READER: "the page; every command that only looks",
    Role.CADENCE: "the page, for gaps, repeated windows and who looked at a patient",
}

_WHO = {
    Principal.BROKER: "the broker itself",
    Principal.ADMIN: "`vitals setup`, `vitals kafka`, `vitals reconcile --repair`, `vitals quarantine resend`",
    Principal.PRODUCER: "producers, `vitals replay`",
    Principal.CONSUMER: "the consumer, its Spark and its workers",
    Principal.READER: "the monitor; `vitals status`, `lag`, `tail`, `explain`, `reconcile`",
    Principal.GATEWAY: "producers of your own",
}


def rights_page() -> str:
    """The whole page as Markdown."""
    logins = (row for principal in Principal for row in _rows(principal))
    accounts = (row for role in Role for row in _account_rows(role))
    kafka = table(("login", "who", "may", "on"), logins)
    database = table(("account", "who", "may", "on"), accounts)
    return page_of((generated("Rights", "rights"), _HEAD, _BROKER, kafka, _DATABASE, database))


def _account_rows(role: Role) -> Iterator[tuple[str, ...]]:
    name, who = code(account_name(role)), _WORK[role]
    if role is Role.MIGRATOR:
        yield name, who, "everything", "every table of `DB_NAME`"
    tables_by_rights: dict[str, list[str]] = defaultdict(list)
    for named_table, rights in TABLE_RIGHTS.get(role, {}).items():
        tables_by_rights[rights].append(code(named_table))
    for rights, tables in tables_by_rights.items():
        yield name, who, rights, ", ".join(tables)
        name = who = ""


def _rows(principal: Principal) -> Iterator[tuple[str, ...]]:
    name, who = code(principal), _WHO[principal]
    if principal in ALL_POWERFUL:
        yield name, who, "everything", "everything"
    for right in RIGHTS:
        if right.principal is principal:
            yield name, who, right.operation.name.lower(), _resource(right)
            # said once
            name = who = ""


def _resource(right: Right) -> str:
    default = KafkaSettings.model_fields[right.setting].default
    suffix = " and every name that begins so" if right.has_prefix else ""
    return f"{right.kind.name.lower()} {code(default)} ({code(right.setting.upper())}){suffix}"
