"""No right answer in any reasonable style is marked wrong: regression, posterior, training."""

from dataclasses import replace
from random import Random

import pytest

from bayeswd.homework import assignment
from bayeswd.homework.judging import judge
from bayeswd.homework.probe import observe

HEAD = "import math\nimport numpy as np\nimport torch\nimport torch.nn.functional as F\n"

STYLES = {
    "negative_log_posterior": [
        "def negative_log_posterior(w, X, y, s, t):\n"
        "    return ((y - X @ w) ** 2).sum() / (2 * s ** 2) + (w ** 2).sum() / (2 * t ** 2)",
        "def negative_log_posterior(w, X, y, s, t):\n"
        "    from torch.distributions import Normal\n"
        "    return -Normal(X @ w, s).log_prob(y).sum() - Normal(0, t).log_prob(w).sum()",
        "def negative_log_posterior(w, X, y, s, t):\n"
        "    r = y - X @ w\n    n, d = X.shape\n"
        "    return float(r @ r / s**2 + w @ w / t**2) / 2 + n * math.log(s) + d * math.log(t)",
        "def negative_log_posterior(w, X, y, s, t):\n"
        "    from scipy.stats import norm\n"
        "    return -norm(X @ w, s).logpdf(y).sum() - norm(0, t).logpdf(w).sum()",
        "def negative_log_posterior(w, X, y, s, t):\n"
        "    F_ = F.gaussian_nll_loss\n"
        "    return F_(X @ w, y, torch.full_like(y, s ** 2), full=True, reduction='sum') \\\n"
        "        + (w ** 2).sum() / (2 * t ** 2) + 17",
    ],
    "ridge_map": [
        "def ridge_map(X, y, strength):\n    xm, ym = X.mean(0), y.mean()\n"
        "    A = (X - xm).T @ (X - xm) + len(y) * strength * torch.eye(X.shape[1])\n"
        "    w = torch.linalg.solve(A, (X - xm).T @ (y - ym))\n    return w, ym - xm @ w",
        "def ridge_map(X, y, strength):\n    X, y = X.double().numpy(), y.double().numpy()\n"
        "    Z = np.hstack([X, np.ones((len(y), 1))])\n    D = np.eye(Z.shape[1])\n"
        "    D[-1, -1] = 0\n"
        "    v = np.linalg.inv(Z.T @ Z + len(y) * strength * D) @ Z.T @ y[:, None]\n"
        "    return v[:-1], v[-1]",
        "def ridge_map(X, y, strength):\n    from sklearn.linear_model import Ridge\n"
        "    m = Ridge(alpha=len(y) * strength).fit(X.numpy(), y.numpy())\n"
        "    return [m.coef_, m.intercept_]",
        "def ridge_map(X, y, strength):\n    n, d = X.shape\n    w, b = torch.zeros(d), y.mean()\n"
        "    for _ in range(800):\n        r = X @ w + b - y\n"
        "        w = w - 0.2 * (X.T @ r / n + strength * w)\n        b = (y - X @ w).mean()\n"
        "    return w, b",
    ],
    "lasso_map": [
        "def lasso_map(X, y, strength):\n    from sklearn.linear_model import Lasso\n"
        "    m = Lasso(alpha=strength, tol=1e-8, max_iter=100000).fit(X.numpy(), y.numpy())\n"
        "    return m.coef_, m.intercept_",
        "def lasso_map(X, y, strength):\n    n, d = X.shape\n    w, b = torch.zeros(d), 0.0\n"
        "    lr = 1 / (torch.linalg.eigvalsh(X.T @ X / n)[-1] + 1)\n"
        "    for _ in range(1500):\n        w = F.softshrink(w - lr * X.T @ (X @ w + b - y) / n, "
        "float(lr * strength))\n        b = (y - X @ w).mean()\n    return w, b",
        "def lasso_map(X, y, strength):\n    X, y = X.numpy(), y.numpy()\n"
        "    A, c = X - X.mean(0), y - y.mean()\n    w = np.zeros(X.shape[1])\n"
        "    for _ in range(500):\n        for j in range(len(w)):\n"
        "            rho = A[:, j] @ (c - A @ w + A[:, j] * w[j]) / len(y)\n"
        "            s = A[:, j] @ A[:, j] / len(y)\n"
        "            w[j] = np.sign(rho) * max(abs(rho) - strength, 0) / s\n"
        "    return w, y.mean() - X.mean(0) @ w",
    ],
    "posterior": [
        "def posterior(X, y, s, t):\n    A = X.T @ X / s**2 + torch.eye(X.shape[1]) / t**2\n"
        "    S = torch.linalg.inv(A)\n    return S @ X.T @ y / s**2, S",
        "def posterior(X, y, s, t):\n    X, y = np.asarray(X), np.asarray(y)\n"
        "    A = X.T @ X + (s / t) ** 2 * np.eye(X.shape[1])\n"
        "    return np.linalg.solve(A, X.T @ y), s**2 * np.linalg.inv(A)",
        "def posterior(X, y, s, t):\n    n, d = X.shape\n"
        "    K = t**2 * X @ X.T + s**2 * torch.eye(n)\n    G = t**2 * X.T @ torch.linalg.inv(K)\n"
        "    return (G @ y).unsqueeze(1), t**2 * torch.eye(d) - t**2 * G @ X",
    ],
    "choose_lambda": [
        "def choose_lambda(s, train, val, test): return s[val.index(min(val))]",
        "def choose_lambda(s, train, val, test): return s[int(np.argmin(val))]",
        "def choose_lambda(s, train, val, test): return min(zip(val, s))[1]",
        "def choose_lambda(s, train, val, test): return s[val.argmin()]",
        "def choose_lambda(s, train, val, test): return torch.tensor(s)[np.argmin(val)]",
    ],
    "train": [
        "def train(X, y, Xv, yv, strength, lr, steps):\n"
        "    w = torch.randn(X.shape[1], 1, requires_grad=True)\n"
        "    b = torch.zeros(1, requires_grad=True)\n"
        "    half = lambda X, y: ((X @ w + b - y.reshape(-1, 1)) ** 2).mean() / 2\n"
        "    for _ in range(steps):\n"
        "        (half(X, y) + strength / 2 * (w**2).sum()).backward()\n"
        "        with torch.no_grad():\n            for p in (w, b):\n"
        "                p -= lr * p.grad\n                p.grad.zero_()\n"
        "    return w, b, half(X, y), half(Xv, yv)",
        "def train(X, y, Xv, yv, strength, lr, steps):\n"
        "    m = torch.nn.Linear(X.shape[1], 1)\n    groups = [{'params': [m.weight], "
        "'weight_decay': strength}, {'params': [m.bias]}]\n"
        "    o = torch.optim.SGD(groups, lr=lr)\n"
        "    for _ in range(steps):\n        o.zero_grad()\n"
        "        (F.mse_loss(m(X), y[:, None]) / 2).backward()\n        o.step()\n"
        "    return (m.weight, m.bias, F.mse_loss(m(X), y[:, None]) / 2,\n"
        "            F.mse_loss(m(Xv), yv[:, None]).item() / 2)",
        "def train(X, y, Xv, yv, strength, lr, steps):\n"
        "    X, y, Xv, yv = (a.numpy() for a in (X, y, Xv, yv))\n"
        "    w, b = np.zeros(X.shape[1]), 0.0\n"
        "    for _ in range(steps):\n        r = X @ w + b - y\n"
        "        w = w - lr * (X.T @ r / len(y) + strength * w)\n        b -= lr * r.mean()\n"
        "    return w, b, ((X @ w + b - y)**2).mean() / 2, np.mean((Xv @ w + b - yv)**2) / 2",
    ],
}
CASES = [(name, source) for name, sources in STYLES.items() for source in sources]


@pytest.mark.filterwarnings("ignore")  # a student's code may warn
@pytest.mark.parametrize(("name", "source"), CASES)
def test_a_right_answer_is_right(name, source, full_marks):
    full_marks(name, HEAD + source)


def test_training_need_not_have_converged_to_the_last_digit():
    """150 steps of float32, at the slowest of 20 draws, stay within a third of the tolerance."""
    exercise = assignment.find("train")
    namespace = {}
    exec(HEAD + STYLES["train"][2], namespace)
    for seed in range(20):
        calls = exercise.calls(Random(seed))
        strict = replace(exercise, tolerance=exercise.tolerance / 3)
        assert judge(strict, calls, observe(namespace, calls)).passed, seed
