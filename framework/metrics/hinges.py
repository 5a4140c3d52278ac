"""What predictions lack to be far enough on the right side of a border."""

from .. import losses
from .reduction import PlainMetric


class Hinge(PlainMetric):
    """The mean of `losses.hinge`; see Metric for the arguments."""

    function = staticmethod(losses.hinge)


class SquaredHinge(PlainMetric):
    """The mean of `losses.squared_hinge`; see Metric for the arguments."""

    function = staticmethod(losses.squared_hinge)


class CategoricalHinge(PlainMetric):
    """The mean of `losses.categorical_hinge`; see Metric for the arguments."""

    function = staticmethod(losses.categorical_hinge)
