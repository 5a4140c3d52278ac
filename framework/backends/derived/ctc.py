"""Connectionist temporal classification (Graves et al. 2006): its loss, and its beam search.

Probabilities are kept as logarithms; `_NEVER` stands for that of zero, since arithmetic with
infinities has no derivative.
"""

from .primitives import Primitives

_NEVER = -1e30
_END = -1  # in paths, behind the last label
_DEAD = -2  # in the paths of beams that stand for nothing


class Ctc(Primitives):
    """CTC's loss and beam search, as scans over time."""

    # Loss

    def ctc_loss(self, target, logits, target_length, output_length, blank):
        """-log of the probability of (batch, labels) in (batch, time, classes), for each sample.

        `forward` has the probability of each place in the labels with blanks around each of them.
        """
        batch, time, classes = self.shape(logits)
        logs = self.maximum(self.log_softmax(logits, -1), _NEVER)
        labels = self._with_blanks(target, target_length, blank)
        # A label may follow the one before it, without a blank between, unless both are equal.
        skips = self.not_equal(labels, self._moved_back(labels, 2, blank))
        index = self.expand_dims(self.clip(labels, 0, classes - 1), 1)
        index = self.broadcast_to(index, (batch, time, self.shape(labels)[1]))
        emitted = self.transpose(self.take_along_axis(logs, index, 2), (1, 0, 2))
        start = self._moved_back(self.full_like(emitted[0], _NEVER, self.dtype(logs)), 1, 0.0)

        def step(carry, row):
            forward, (emission, live) = carry[0], row
            once, twice = (self._moved_back(forward, k, _NEVER) for k in (1, 2))
            twice = self.where(skips, twice, _NEVER)
            total = self.add(self._log_plus(forward, once, twice), emission)
            return [self.where(self.expand_dims(live, 1), total, forward)], []

        live = self._live_steps(time, output_length)
        carry, _ = self.scan(step, [start], [emitted, live], None, False, 1)
        return self._negative_total(carry[0], target_length)

    def _with_blanks(self, target, target_length, blank):
        """Labels with a blank before, between and behind them: (batch, 2 * labels + 1)."""
        batch, count = self.shape(target)
        pairs = self.stack([target, self.full_like(target, blank, "int32")], 2)
        first = self.expand_dims(self.full_like(target_length, blank, "int32"), 1)
        return self.concatenate([first, self.reshape(pairs, (batch, 2 * count))], 1)

    def _negative_total(self, forward, target_length):
        """-log of the probability to be at the last label or the blank behind it."""
        last = self.expand_dims(self.multiply(target_length, 2), 1)
        ends = self.take_along_axis(
            forward, self.concatenate([last, self.maximum(self.subtract(last, 1), 0)], 1), 1
        )
        label = self.where(self.greater(target_length, 0), ends[:, 1], _NEVER)
        total = self._log_plus(ends[:, 0], label)
        return self.where(self.less(total, _NEVER / 2), float("inf"), self.negative(total))

    # Beam search

    def ctc_beam_search(self, logits, lengths, width, top_paths, blank):
        """The likeliest labels of (batch, time, classes): (paths, batch, time), log probabilities.

        A beam is a row of labels; its probability is kept apart by whether a blank came last.
        """
        batch, time, _ = self.shape(logits)
        logs = self.maximum(self.log_softmax(logits, -1), _NEVER)
        paths = self.full((batch, width, time), _END, "int32")
        never = self.full((batch, width), _NEVER, self.dtype(logs))
        places = self.broadcast_to(self.arange(0, width, 1, "int32"), (batch, width))
        first = self.where(self.equal(places, 0), self.full_like(never, 0, self.dtype(logs)), never)

        def step(carry, row):
            log, live = row
            paths, blanks, labels = carry
            longer = self._longer_beams(paths, blanks, labels, log, blank)
            live = self.expand_dims(live, 1)
            return [
                self.where(self.expand_dims(live, 2), longer[0], paths),
                self.where(live, longer[1], blanks),
                self.where(live, longer[2], labels),
            ], []

        items = [self.transpose(logs, (1, 0, 2)), self._live_steps(time, lengths)]
        (paths, blanks, labels), _ = self.scan(step, [paths, first, never], items, None, False, 1)
        scores, order = self.top_k(self._log_plus(blanks, labels), top_paths, True)
        paths = self._beams_at(paths, order)
        paths = self.where(self.equal(paths, _DEAD), _END, paths)
        gone = self.less(scores, _NEVER / 2)
        return self.transpose(paths, (1, 0, 2)), self.where(gone, -float("inf"), scores)

    def _longer_beams(self, paths, blanks, labels, log, blank):
        """The `width` best of all beams, each as it is or with one label more."""
        batch, width, time = self.shape(paths)
        classes = self.shape(log)[1]
        count = self.sum(self.cast(self.greater_equal(paths, 0), "int32"), 2)
        at_end = self.equal(
            self.arange(0, time, 1, "int32"), self.expand_dims(self.subtract(count, 1), 2)
        )
        last = self.sum(self.where(at_end, self.add(paths, 1), 0), 2)  # 0: there is none
        is_last = self.equal(
            self.arange(1, classes + 1, 1, "int32"), self.expand_dims(last, 2)
        )  # (batch, width, classes)
        log = self.expand_dims(log, 1)
        whole = self._log_plus(blanks, labels)
        # A label behind itself starts anew only after a blank.
        start = self.where(is_last, self.expand_dims(blanks, 2), self.expand_dims(whole, 2))
        longer = self.add(start, log)
        no_label = self.equal(self.arange(0, classes, 1, "int32"), blank)
        longer = self.where(no_label, _NEVER, longer)
        repeated = self.sum(self.where(is_last, log, 0.0), 2)
        repeated = self.where(self.greater(last, 0), self.add(labels, repeated), _NEVER)
        ended = self.add(whole, log[:, :, blank])
        # What makes an existing beam of another goes to that beam.
        cut = self.where(at_end, _END, paths)
        heirs = self._heirs(paths, cut, last)
        index = self.expand_dims(self.maximum(self.subtract(last, 1), 0), 1)
        gifts = self.take_along_axis(
            longer, self.broadcast_to(index, (batch, width, width)), 2
        )  # (batch, giver, heir)
        gifts = self._log_total(self.where(heirs, gifts, _NEVER), 1)
        repeated = self._log_plus(repeated, gifts)
        dtype = self.dtype(log)
        given = self.matmul(self.cast(heirs, dtype), self.cast(is_last, dtype))
        longer = self.where(self.greater(given, 0.0), _NEVER, longer)
        return self._best_beams(paths, count, ended, repeated, longer)

    def _heirs(self, paths, cut, last):
        """Whether the second beam is the first with one label more: (batch, width, width)."""
        same = self.equal(self.expand_dims(paths, 2), self.expand_dims(cut, 1))
        heirs = self.all(same, 3)
        return self.logical_and(heirs, self.expand_dims(self.greater(last, 0), 1))

    def _best_beams(self, paths, count, ended, repeated, longer):
        batch, width, time = self.shape(paths)
        classes = self.shape(longer)[2]
        stay = self.expand_dims(self._log_plus(ended, repeated), 2)
        ways = self.reshape(self.concatenate([longer, stay], 2), (batch, width * (classes + 1)))
        scores, chosen = self.top_k(ways, width, True)
        source = self.floor_divide(chosen, classes + 1)
        label = self.subtract(chosen, self.multiply(source, classes + 1))
        stays = self.equal(label, classes)
        ended, repeated, count = (
            self.take_along_axis(x, source, 1) for x in (ended, repeated, count)
        )
        paths = self._beams_at(paths, source)
        new = self.equal(self.arange(0, time, 1, "int32"), self.expand_dims(count, 2))
        new = self.logical_and(new, self.expand_dims(self.logical_not(stays), 2))
        paths = self.where(new, self.expand_dims(label, 2), paths)
        dead = self.less(scores, _NEVER / 2)
        paths = self.where(self.expand_dims(dead, 2), _DEAD, paths)
        alive = self.logical_and(stays, self.logical_not(dead))
        blanks = self.where(alive, ended, _NEVER)
        labels = self.where(dead, _NEVER, self.where(stays, repeated, scores))
        return paths, blanks, labels

    def _beams_at(self, paths, order):
        index = self.broadcast_to(self.expand_dims(order, 2), (*self.shape(order), paths.shape[2]))
        return self.take_along_axis(paths, index, 1)

    # Parts

    def _live_steps(self, time, lengths):
        """Whether each step of (time, batch) is within its sample."""
        return self.less(self.expand_dims(self.arange(0, time, 1, "int32"), 1), lengths)

    def _moved_back(self, x, count, value):
        """The rows of `x` moved `count` places back, `value` in front."""
        size = self.shape(x)[1]
        return self.pad(x, ((0, 0), (count, 0)), "constant", value)[:, :size]

    def _log_plus(self, *xs):
        """log(sum(exp(x))), for numbers that are not infinite."""
        top = xs[0]
        for x in xs[1:]:
            top = self.maximum(top, x)
        top = self.stop_gradient(top)
        total = self.exp(self.subtract(xs[0], top))
        for x in xs[1:]:
            total = self.add(total, self.exp(self.subtract(x, top)))
        return self.add(self.log(total), top)

    def _log_total(self, x, axis):
        top = self.stop_gradient(self.max(x, axis, True))
        total = self.log(self.sum(self.exp(self.subtract(x, top)), axis, True))
        return self.squeeze(self.add(total, top), axis)
