"""What the consumer group says of a pipeline's consumer, as kafka-consumer-groups would."""

from ops.snapshot import Observer, look_if_possible


def group_lag(pipeline):
    """Messages that the group has not committed; None while the broker does not say."""
    observer = Observer(pipeline.kafka, pipeline.database)
    try:
        found = look_if_possible(observer)
    finally:
        observer.close()
    if found is None or any(each.group is None and each.end for each in found.lags):
        return None
    return sum(each.end - (each.group or 0) for each in found.lags)
