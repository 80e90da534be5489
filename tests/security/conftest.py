"""What the attacks share."""

from tests.services.conftest import make_pipeline, pipeline

__all__ = ["make_pipeline", "pipeline"]
