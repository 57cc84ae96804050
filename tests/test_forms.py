"""Closed forms of `symback diff`, as a textbook writes them."""

from __future__ import annotations

import pytest

from symback.question import differentiate


@pytest.mark.parametrize(
    ("text", "wrt", "order", "form"),
    [
        ("log(sum(exp(A*x)))", "x", 1, "A'*softmax(A*x)"),
        ("log(sum(exp(A*x)))", "x", 2, "A'*(diag(softmax(A*x)) - softmax(A*x)*softmax(A*x)')*A"),
        ("-softmax(z)'*log_softmax(z)", "z", 1, "(z'*softmax(z) - z) .* softmax(z)"),
        ("sum(softmax(Z))", "Z", 1, "zeros(m, n)"),
        ("logsumexp(A)", "A", 1, "exp(A - logsumexp(A))"),
        ("-c*log(sigmoid(a)) - (1 - c)*log(1 - sigmoid(a))", "a", 1, "sigmoid(a) - c"),
        ("sum(V.*log(V./(W*H)) - V + W*H)", "H", 1, "W'*(1 - V ./ (W*H))"),
        ("sum(log(V./(W*X)))", "X", 1, "-W'*(1 ./ (W*X))"),
        ("norm2(W'*W - eye(k))^2", "W", 1, "4*W*(W'*W - eye(k))"),
        ("sum(x[i]*log(x[i]), i = 0..n-1)", "x", 1, "1 + log(x)"),
        ("tr(W'*A*W)", "W", 1, "(A + A')*W"),
        ("max(x)", "x", 1, "hardmax(x)"),
    ],
)
def test_form(text: str, wrt: str, order: int, form: str) -> None:
    answer = differentiate(text, [wrt], order=order)
    assert answer.derivatives[0].written == form
    assert answer.verification is not None
    assert answer.verification.ok


def test_an_index_by_name_is_checked_at_a_place() -> None:
    answer = differentiate("softmax(z)[c]", ["z"])
    assert answer.verification is not None and answer.verification.ok
