"""Callbacks, called as the loop calls them, on models that only pretend."""

from __future__ import annotations

import csv
import json
import struct

import numpy as np
import pytest

import isozoo
from isozoo import callbacks as cb
from isozoo.framework.training.callbacks.counting import Every


class Metric:
    """A metric by name alone."""

    def __init__(self, name: str, direction: str | None = None) -> None:
        self.name, self._direction = name, direction


class Model:
    """What callbacks ask of a model."""

    def __init__(self, optimizer=None, metrics=()) -> None:
        self.optimizer, self.metrics = optimizer, list(metrics)
        self.stop_training = False
        self.history = None
        self.weights_now = 0
        self.saved: list[tuple[str, str]] = []
        self.layers: list = []

    def get_weights(self):
        return self.weights_now

    def set_weights(self, weights) -> None:
        self.weights_now = weights

    def save(self, path, overwrite=False) -> None:
        self.saved.append(("model", path))

    def save_weights(self, path, overwrite=False) -> None:
        self.saved.append(("weights", path))


def train(callbacks, losses, model=None, name="loss", **params):
    """Calls callbacks as `fit` does for epochs that end with these losses; the number of epochs."""
    model = model or Model()
    params = {"epochs": len(losses), "steps": 1, "verbose": 0, **params}
    all_of_them = cb.CallbackList(callbacks, model=model, **params)
    all_of_them.on_train_begin()
    for epoch, loss in enumerate(losses):
        all_of_them.on_epoch_begin(epoch)
        model.weights_now = epoch
        all_of_them.on_epoch_end(epoch, {name: loss})
        if model.stop_training:
            break
    all_of_them.on_train_end()
    return epoch + 1


# The list -----------------------------------------------------------------------------------------


def test_only_hooks_that_are_there_are_called_and_logs_stay_unfetched():
    class Lazy(dict):
        def items(self):
            raise AssertionError("the logs were fetched although nobody looked")

    seen = []

    class Own(cb.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, type(logs)))

    callbacks = cb.CallbackList([cb.Callback(), [Own()]], model=Model())
    callbacks.on_train_begin()
    callbacks.on_train_batch_begin(3, Lazy())
    callbacks.on_train_batch_end(3, Lazy())
    callbacks.on_test_batch_end(0, Lazy())
    assert seen == [(3, Lazy)]


@pytest.mark.parametrize("hook", [name for name in vars(cb.Callback) if name.startswith("on_")])
def test_every_hook_reaches_a_lambda_callback(hook):
    seen = []
    callbacks = cb.CallbackList([cb.LambdaCallback(**{hook: lambda *a, **k: seen.append((a, k))})])
    numbered = "batch" in hook or "epoch" in hook
    getattr(callbacks, hook)(*([7] if numbered else []), {"loss": np.float32(0.5)})
    ((arguments, named),) = seen
    assert (arguments[0] == 7) is numbered
    assert (named.get("logs") or arguments[-1]) == {"loss": 0.5}


def test_history_and_progress_are_added_once_and_get_the_settings():
    history, model = cb.History(), Model()
    callbacks = cb.CallbackList([history], True, True, model=model, epochs=2, steps=3, verbose=0)
    kinds = [type(c) for c in callbacks.callbacks]
    assert kinds == [cb.History, cb.ProgbarLogger] and model.history is history
    assert history.params == {"epochs": 2, "steps": 3, "verbose": 0} and history.model is model


def test_tensors_in_logs_become_numbers(backend):
    seen = []
    callbacks = cb.CallbackList([cb.LambdaCallback(on_epoch_end=lambda e, logs: seen.append(logs))])
    callbacks.on_epoch_end(0, {"a": isozoo.ops.ones(()), "b": {"c": np.arange(2)}, "d": 1.0})
    assert seen[0]["a"] == 1.0 and type(seen[0]["a"]) is float and seen[0]["d"] == 1.0
    assert seen[0]["c"].tolist() == [0, 1]  # of a dict inside, as in Keras


def test_history_records_what_callbacks_before_it_added(tmp_path):
    optimizer = isozoo.optimizers.SGD(0.5)
    model = Model(optimizer)
    history = cb.History()
    train([cb.LearningRateScheduler(lambda epoch, rate: rate / 2), history], [3.0, 2.0], model)
    assert history.history == {"loss": [3.0, 2.0], "learning_rate": [0.25, 0.125]}
    assert history.epoch == [0, 1] and model.history is history
    history.history["val_loss"] = [2.5]
    pytest.importorskip("matplotlib")
    history.plot(tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert text.count('<g id="axes_') == 2
    with pytest.raises(ValueError, match="no epoch to draw"):
        cb.History().plot(tmp_path / "empty.png")


# Progress -----------------------------------------------------------------------------------------


def test_in_a_pipe_each_epoch_is_one_line(capsys):
    losses = [{"loss": 0.25}, {"loss": 0.125}]
    bar = cb.CallbackList(add_progbar=True, epochs=2, steps=2, verbose="auto")
    bar.on_train_begin()
    for epoch, logs in enumerate(losses):
        bar.on_epoch_begin(epoch)
        for batch in range(2):
            bar.on_train_batch_end(batch, logs)
        bar.on_test_begin()
        bar.on_test_batch_end(0, logs)
        bar.on_test_end(logs)
        bar.on_epoch_end(epoch, logs)
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2"] and len(lines) == 4
    assert lines[1].startswith("2/2 - ") and lines[1].endswith("- loss: 0.2500")


def test_on_a_terminal_a_bar_is_drawn_over_and_over(capsys, monkeypatch):
    from isozoo.framework.training.callbacks import progbar_logger
    from isozoo.framework.utils import progbar

    monkeypatch.setattr(progbar_logger, "is_live", lambda: True)
    monkeypatch.setattr(progbar, "is_live", lambda: True)
    bar = cb.CallbackList(add_progbar=True, epochs=1, steps=1000, verbose="auto")
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    for batch in range(1000):
        bar.on_train_batch_end(batch, {"loss": 1.0})
    bar.on_epoch_end(0, {"loss": 0.5, "val_loss": 2.0})
    out = capsys.readouterr().out
    assert 2 <= out.count("\r") < 100 and out.count("\n") == 1
    assert out.rstrip().endswith("- loss: 0.5000 - val_loss: 2.0000") and "1000/1000" in out


def test_without_a_known_number_of_steps_the_end_tells(capsys):
    bar = cb.CallbackList(add_progbar=True, epochs=1, steps=None, verbose=2)
    bar.on_predict_begin()
    bar.on_predict_batch_end(0, {})
    bar.on_predict_batch_end(1, {})
    bar.on_predict_end()
    assert capsys.readouterr().out.startswith("2/2 - ")


def test_silence(capsys):
    train([cb.ProgbarLogger()], [1.0, 2.0])
    assert capsys.readouterr().out == ""


def test_the_bar_averages_what_it_is_told_to(capsys):
    bar = isozoo.utils.Progbar(3, interval=0, stateful_metrics=["shown"])
    bar.update(1, [("mean", 1.0), ("shown", 1.0)])
    bar.update(2, [("mean", np.array(2.0)), ("shown", [2.0])])
    assert "mean: 1.5000 - shown: 2.0000" in capsys.readouterr().out
    with pytest.raises(ValueError, match="Only one of"):
        isozoo.utils.Progbar(3, stateful_metrics=[], stateless_metrics=[])


# Watching a metric --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "losses", "epochs", "weights"),
    [
        ({"patience": 2}, [3, 2, 2.5, 2.6, 1], 4, 3),
        ({"patience": 0}, [3, 2, 2, 1], 3, 2),
        ({"patience": 2, "min_delta": 0.5}, [3, 2.8, 2.7, 1], 3, 2),
        ({"patience": 2, "restore_best_weights": True}, [3, 2, 2.5, 2.6, 1], 4, 1),
        ({"patience": 5, "baseline": 1, "restore_best_weights": True}, [9, 8, 7, 8, 8, 8], 5, 2),
        ({"patience": 1, "start_from_epoch": 3}, [1, 2, 3, 4, 5, 6], 5, 4),
        ({"mode": "max", "patience": 1}, [1, 2, 1.5, 3], 3, 2),
        ({"restore_best_weights": True, "patience": 9}, [3, 1, 2], 3, 1),
    ],
)
def test_early_stopping(settings, losses, epochs, weights):
    model = Model()
    settings = {"monitor": "loss", **settings}
    assert train([cb.EarlyStopping(**settings)], losses, model) == epochs
    assert model.weights_now == weights


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        (Metric("quality", "up"), True),
        (Metric("badness", "down"), False),
        (isozoo.metrics.MeanSquaredError(name="m") if hasattr(isozoo, "metrics") else
         Metric("mean_squared_error"), False),
        (Metric("accuracy"), True),
    ],
)  # fmt: skip
def test_the_metric_says_which_way_is_better(metric, higher):
    stop = cb.EarlyStopping(f"val_{metric.name}", patience=5)
    train([stop], [1.0], Model(metrics=[metric]), name=f"val_{metric.name}")
    assert stop.monitor_op is (isozoo.ops.greater if higher else isozoo.ops.less)


def test_an_unknown_direction_and_a_missing_metric_are_told():
    with pytest.raises(ValueError, match="monitor=odd.*mode='max'"):
        train([cb.EarlyStopping("odd")], [1.0], Model(metrics=[Metric("odd")]), name="odd")
    with pytest.warns(UserWarning, match="`val_loss` which is not available.*are: loss"):
        train([cb.EarlyStopping()], [1.0])
    with pytest.warns(UserWarning, match="mode 'least' is unknown"):
        cb.EarlyStopping(mode="least")


def test_the_rate_falls_on_a_plateau_with_cooldown_and_an_end(backend):
    optimizer = isozoo.optimizers.SGD(0.5)
    history = cb.History()
    reduce = cb.ReduceLROnPlateau("loss", factor=0.1, patience=1, cooldown=2, min_lr=0.01)
    train([reduce, history], [1.0] * 8, Model(optimizer))
    # Worse in epochs 1, 4 and 7; two epochs after a change are not looked at, of which the last
    # counts again.
    rates = np.round(history.history["learning_rate"], 6)
    assert rates.tolist() == [0.5, 0.5, 0.05, 0.05, 0.01, 0.01, 0.01, 0.01]
    with pytest.raises(ValueError, match="factor >= 1.0"):
        cb.ReduceLROnPlateau(factor=1.5)


def test_a_schedule_may_take_the_epoch_alone_and_must_give_a_float():
    model = Model(isozoo.optimizers.SGD(0.5))
    train([cb.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1))], [1.0, 1.0], model)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="should be a float"):
        train([cb.LearningRateScheduler(lambda epoch, rate: "fast")], [1.0], model)


@pytest.mark.parametrize(("loss", "stops"), [(1.0, False), (np.inf, True), (np.nan, True)])
def test_terminate_on_nan(loss, stops, capsys):
    model = Model()
    callbacks = cb.CallbackList([cb.TerminateOnNaN()], model=model)
    callbacks.on_train_begin()
    callbacks.on_train_batch_end(4, {"loss": loss})
    assert model.stop_training is stops
    assert ("Batch 4: Invalid loss" in capsys.readouterr().out) is stops
    if stops:
        with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 4"):
            cb.TerminateOnNaN(raise_error=True).on_batch_end(4, {"loss": loss})


# Files --------------------------------------------------------------------------------------------


def test_batches_are_counted_across_epochs_and_groups():
    every = Every(4)
    # Groups of 2 batches in epochs of 5: the last group of an epoch has one.
    due = [every.is_due(batch) for _ in range(3) for batch in (1, 3, 4)]
    assert due == [False, True, False, False, True, False, False, True, False]
    assert not any(Every("epoch").is_due(batch) for batch in range(9))


def test_checkpoints_after_epochs_and_batches(tmp_path, capsys):
    model = Model()
    path = str(tmp_path / "{epoch:02d}-{loss:.1f}.keras")
    train([cb.ModelCheckpoint(path, verbose=1)], [0.5, 0.25], model)
    assert model.saved == [("model", str(tmp_path / n)) for n in ("01-0.5.keras", "02-0.2.keras")]
    assert capsys.readouterr().out.count("saving model to") == 4
    model = Model()
    save = cb.ModelCheckpoint(tmp_path / "{batch}.weights.h5", save_weights_only=True, save_freq=2)
    callbacks = cb.CallbackList([save], model=model)
    for batch in range(5):
        callbacks.on_train_batch_end(batch, {})
    assert [path[-12:] for _, path in model.saved] == ["2.weights.h5", "4.weights.h5"]


def test_only_the_best_is_saved(tmp_path):
    model = Model()
    best = cb.ModelCheckpoint(
        tmp_path / "{epoch}.keras", "loss", save_best_only=True, initial_value_threshold=3.0
    )
    train([best], [4.0, 2.0, 2.5, 1.0], model)
    assert [path[-7:] for _, path in model.saved] == ["2.keras", "4.keras"]
    with pytest.warns(UserWarning, match="only with val_loss available"):
        train([cb.ModelCheckpoint(tmp_path / "a.keras", save_best_only=True)], [1.0], model)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"filepath": "a.h5", "save_weights_only": True}, ValueError, "end in `.weights.h5`"),
        ({"filepath": "a.bin"}, ValueError, "end in `.keras`"),
        ({"filepath": "a.keras", "save_freq": "batch"}, ValueError, "save_freq"),
        ({"filepath": "{acc}.keras"}, KeyError, "Failed to format this callback filepath"),
        ({"filepath": "."}, ValueError, "end in"),
    ],
)
def test_bad_checkpoints_are_explained(settings, error, message):
    with pytest.raises(error, match=message):
        train([cb.ModelCheckpoint(**settings)], [1.0])


def test_a_folder_in_the_place_of_a_checkpoint_is_explained(tmp_path):
    (tmp_path / "a.keras").mkdir()
    with pytest.raises(OSError, match="non-directory filepath"):
        train([cb.ModelCheckpoint(tmp_path / "a.keras")], [1.0])


def test_the_table_of_metrics(tmp_path):
    path = tmp_path / "log.csv"
    train([cb.CSVLogger(path, separator=";")], [0.5, 0.25])
    train([cb.CSVLogger(path, separator=";", append=True)], [0.125])
    with open(path, newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert rows[0] == ["epoch", "loss", "val_loss"]
    assert rows[1:] == [["0", "0.5", "NA"], ["1", "0.25", "NA"], ["0", "0.125", "NA"]]


def test_metrics_are_sent_to_a_server(monkeypatch):
    requests = pytest.importorskip("requests")
    sent = []
    monkeypatch.setattr(requests, "post", lambda *a, **k: sent.append((a, k)))
    train([cb.RemoteMonitor("http://h", send_as_json=True)], [np.array([0.5])])
    train([cb.RemoteMonitor("http://h", field="d")], [0.5])
    assert sent[0][1]["json"] == {"epoch": 0, "loss": 0.5}
    assert json.loads(sent[1][0][1]["d"]) == {"epoch": 0, "loss": 0.5}

    def refused(*args, **kwargs):
        raise requests.exceptions.ConnectionError

    monkeypatch.setattr(requests, "post", refused)
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server"):
        train([cb.RemoteMonitor()], [1.0])


def test_averages_are_in_the_model_while_it_is_evaluated(backend):
    variable = isozoo.Variable(np.float32(1.0))
    optimizer = isozoo.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.build([variable])
    for _ in range(2):
        optimizer.apply([isozoo.ops.ones(())], [variable])
    swap = cb.CallbackList([cb.SwapEMAWeights()], model=Model(optimizer))
    assert float(variable.numpy()) == 0.0
    for begin, end in (("on_test_begin", "on_test_end"), ("on_predict_begin", "on_predict_end")):
        getattr(swap, begin)()
        # The averages: 0.5 at first, then 0.5 * 0.5 + 0.5 * 0.
        assert float(variable.numpy()) == 0.25
        getattr(swap, end)()
        assert float(variable.numpy()) == 0.0
    swap = cb.CallbackList([cb.SwapEMAWeights(True)], model=Model(optimizer), epochs=1)
    swap.on_epoch_begin(0)
    swap.on_epoch_end(0)
    optimizer.finalize_variable_values([variable])
    assert float(variable.numpy()) == 0.25
    with pytest.raises(ValueError, match="must be used when `use_ema=True` is set"):
        cb.CallbackList([cb.SwapEMAWeights()], model=Model(isozoo.optimizers.SGD())).on_test_begin()


def events(folder):
    """(tag, plugin, step, tensor) of all summaries in a folder, read by tensorboard's messages."""
    from tensorboard.compat.proto import event_pb2
    from tensorboard.util.tensor_util import make_ndarray

    for path in sorted(folder.glob("events.out.tfevents.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                yield value.tag, plugin, event.step, make_ndarray(value.tensor)


def test_tensorboard_shows_metrics_and_weights(tmp_path):
    pytest.importorskip("tensorboard")
    model = Model(isozoo.optimizers.SGD(0.5))
    layer = isozoo.layers.Dense(2, kernel_initializer="ones")
    layer.build((None, 3))
    model.layers = [layer]
    board = cb.TensorBoard(
        tmp_path, histogram_freq=1, write_images=True, update_freq=2, write_steps_per_second=True
    )
    callbacks = cb.CallbackList([board], model=model, epochs=1)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    for batch in range(2):
        callbacks.on_train_batch_begin(batch)
        callbacks.on_train_batch_end(batch, {"loss": 1.0 - batch})
    callbacks.on_test_end({"loss": 3.0})
    callbacks.on_epoch_end(0, {"loss": 0.5, "val_loss": 3.0})
    callbacks.on_train_end()
    train_events = {tag: (plugin, step, x) for tag, plugin, step, x in events(tmp_path / "train")}
    checks = {tag: float(x) for tag, _, _, x in events(tmp_path / "validation")}
    assert checks == {"evaluation_loss_vs_iterations": 3.0, "epoch_loss": 3.0}
    assert train_events["epoch_loss"] == ("scalars", 0, 0.5)
    assert train_events["epoch_learning_rate"][2] == 0.5
    assert train_events["batch_loss"] == ("scalars", 2, 0.0)
    assert train_events["epoch_steps_per_second"][2] > 0
    plugin, _, table = train_events[f"{layer.kernel.path}/histogram"]
    assert plugin == "histograms" and table[:, 2].sum() == 6
    plugin, _, image = train_events[f"{layer.kernel.path}/image"]
    assert plugin == "images" and image[:2].tolist() == [b"3", b"2"]
    assert image[2].startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="Profiling is not yet available"):
        cb.TensorBoard(profile_batch=2)


def test_the_checksums_of_event_files_are_right(tmp_path):
    pytest.importorskip("tensorboard")
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    from isozoo.framework.training.callbacks.event_files import EventFile

    file = EventFile(str(tmp_path))
    file.scalar("a", 0.5, 3)
    file.close()
    (path,) = tmp_path.iterdir()
    found = [e for e in loader.EventFileLoader(str(path)).Load() if e.summary.value]
    assert [(e.step, e.summary.value[0].tag) for e in found] == [(3, "a")]
