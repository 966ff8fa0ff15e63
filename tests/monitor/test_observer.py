"""What watches a model: eager or compiled, saved or copied, whatever goes wrong in between."""

import copy
import io
import sys

import numpy as np
import pytest

from gausscheck.core import GausscheckError
from gausscheck.monitor import GaussianMonitor
from gausscheck.monitor.observer import Observer

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::Warning:torch", "ignore::DeprecationWarning")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Linear(16, 4))
        self.head = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


def evaluated(net, forward, rows=320):
    """Pass rows through as an evaluation does."""
    net.eval()
    with torch.no_grad():
        for _ in range(rows // 32):
            forward(torch.randn(32, 6))
    net.train()


def watching(net, embeddings=None):
    observer = Observer(embeddings, GaussianMonitor(rows=300))
    observer.watch(net.encoder)
    return observer


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "removed between"])
@pytest.mark.parametrize("how", ["eager", "function", "in place", "encoder"])
def test_compiled_models_are_watched_as_eager_ones(how, kept):
    torch._dynamo.reset()
    net = Net()
    forward = torch.compile(net, backend="eager") if how == "function" else net
    if how in ("in place", "encoder"):
        (net if how == "in place" else net.encoder).compile(backend="eager")
    observer = watching(net)
    evaluated(net, forward, 64)  # a sanity check: compiled, and not looked at
    assert observer.monitor.seen == 0
    for _ in range(2):
        forward(torch.randn(32, 6)).sum().backward()
        observer.watch(net.encoder)
        observer.begin()
        evaluated(net, forward)
        observer.end()
        evaluated(net, forward, 64)  # by hand
        if not kept:
            observer.unwatch()
        assert observer.monitor.seen == 320
        assert "rankme" in observer.measure("")
    observer.unwatch()
    assert not net.encoder._forward_hooks


def test_a_training_step_is_compiled_in_one_piece_though_it_is_watched():
    torch._dynamo.reset()
    net = Net()
    watching(net).begin()
    torch.compile(net, backend="eager", fullgraph=True)(torch.randn(32, 6))


def test_code_that_was_compiled_before_says_what_to_do():
    torch._dynamo.reset()
    net = Net()
    forward = torch.compile(net, backend="eager")
    evaluated(net, forward, 64)
    observer = watching(net)
    observer.begin()
    evaluated(net, forward)
    with pytest.warns(UserWarning, match=r"measured nothing: .* torch\.compiler\.reset\(\)"):
        assert observer.measure("") == {}
    torch.compiler.reset()
    observer.begin()
    evaluated(net, forward)
    assert "rankme" in observer.measure("")


@pytest.mark.parametrize(
    ("embeddings", "words"),
    [
        ("z", "expected 'z' in the output, got a Tensor"),
        (lambda output: 1 // 0, "ZeroDivisionError: integer division or modulo by zero"),
        (lambda output: output.sum(dim=1), "expected rows of shape"),
        (lambda output: output.to("meta"), "got a meta tensor"),
    ],
)
def test_what_goes_wrong_while_looking_is_one_warning_and_ends_nothing(embeddings, words):
    net = Net()
    observer = watching(net, embeddings)
    observer.begin()
    evaluated(net, net)
    with pytest.warns(UserWarning, match=f"gausscheck measured nothing: .*{words}") as told:
        assert observer.measure("") == {}
    assert len(told) == 1
    observer.embeddings = None
    observer.begin()
    evaluated(net, net)
    assert "rankme" in observer.measure("")


def test_what_goes_wrong_while_measuring_is_a_warning(monkeypatch):
    def broken(*arguments):
        raise MemoryError("no room")

    monkeypatch.setattr("gausscheck.monitor.observer.compute_over_ranks", broken)
    observer = Observer(None, None)
    with pytest.warns(UserWarning, match="measured nothing: MemoryError: no room"):
        assert observer.measure("") == {}


def test_a_watched_model_can_be_saved_and_copied_and_the_copy_tells_nothing():
    net = Net()
    observer = watching(net)
    observer.begin()
    held = io.BytesIO()
    torch.save(net, held)
    held.seek(0)
    for other in (copy.deepcopy(net), torch.load(held, weights_only=False)):
        other.eval()(torch.randn(32, 6))
    assert observer.monitor.seen == 0
    net.eval()(torch.randn(32, 6))
    assert observer.monitor.seen == 32


def test_a_problem_of_one_process_is_raised_in_all(monkeypatch):
    from gausscheck.monitor import ranks

    monkeypatch.setattr(ranks, "rank_and_size", lambda: (0, 2))
    monkeypatch.setattr(ranks, "_from_all", lambda mine: [mine, "the other one's"])
    with pytest.raises(GausscheckError, match="the other one's"):
        ranks.compute_over_ranks(GaussianMonitor())


def test_threads_take_turns():
    from threading import Thread

    monitor = GaussianMonitor(rows=1000)
    x = np.random.default_rng(0).standard_normal((20, 5))
    threads = [Thread(target=lambda: [monitor.update(x) for _ in range(60)]) for _ in range(4)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert monitor.seen == 4_800
    assert np.unique(monitor.ids).size == 1000
    assert copy.deepcopy(monitor).seen == 4_800
