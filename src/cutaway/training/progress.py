"""Where a run stands: what a line of the log says, and what a bar draws."""

from dataclasses import dataclass

__all__ = ["Progress", "duration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run after a step.

    The journal sends it along with its log records as their attribute ``progress``, so whoever
    handles those can draw it.

    Attributes:
        step: steps done.
        steps: of the whole run.
        loss: in nats per token; None before the first step.
        tokens_per_second: smoothed; None before the first step.
        mfu: share of the device's peak; None where that is not known.
        seconds_left: to the last step; None before the first step.
    """

    step: int
    steps: int
    loss: float | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    seconds_left: float | None = None

    def parts(self) -> dict[str, str]:
        """What there is to say, in the order of a line.

        >>> now = Progress(step=3, steps=9, loss=2.5, tokens_per_second=1234.0, seconds_left=75)
        >>> list(now.parts().values())
        ['step 3/9', 'loss 2.500', '1,234 tokens/s', '1 min 15 s left']
        """
        said = {"step": f"step {self.step}/{self.steps}"}
        if self.loss is not None:
            said["loss"] = f"loss {self.loss:.3f}"
        if self.tokens_per_second is not None:
            said["speed"] = f"{self.tokens_per_second:,.0f} tokens/s"
        if self.mfu is not None:
            said["mfu"] = f"MFU {100 * self.mfu:.1f} %"
        if self.seconds_left is not None:
            said["left"] = f"{duration(self.seconds_left)} left"
        return said


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds.

    >>> duration(75), duration(7300)
    ('1 min 15 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s"
