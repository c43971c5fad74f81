"""Closed forms as a reader expects them, written once after a look at each."""

# ruff: noqa: E501 - a row is a line, so that both layouts are seen at once

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.ir.size import Shape
from tests.functions import shapes


@dataclass(frozen=True)
class Row:
    """A derivative and its text in numerator and, where it differs, in denominator layout."""

    text: str
    kind: str
    wrt: str
    shapes: Mapping[str, Shape]
    numerator: str
    denominator: str = ""


# fmt: off
GOLDEN = (
    Row("x.T @ A @ x", "gradient", "x", shapes(x=["n"], A=["n", "n"]), "x.T @ (A + A.T)", "(A + A.T) @ x"),
    Row("x.T @ A @ x", "gradient", "A", shapes(x=["n"], A=["n", "n"]), "outer(x, x)"),
    Row("x.T @ A @ x", "hessian", "x x", shapes(x=["n"], A=["n", "n"]), "A + A.T"),
    Row("A @ x", "jacobian", "x", shapes(A=["m", "n"], x=["n"]), "A", "A.T"),
    Row("A @ x", "jacobian", "A", shapes(A=["m", "n"], x=["n"]), "einsum('ij,k->ijk', eye(m), x)", "einsum('ik,j->ijk', eye(m), x)"),
    Row("A @ X @ B", "jacobian", "X", shapes(A=["m", "n"], X=["n", "k"], B=["k", "l"]), "einsum('ik,lj->ijkl', A, B)", "transpose(einsum('ik,lj->ijkl', A, B), axes=(2, 3, 0, 1))"),
    Row("A @ X @ B", "jacobian", "A", shapes(A=["m", "n"], X=["n", "k"], B=["k", "l"]), "einsum('ik,jl->ijkl', eye(m), B.T @ X.T)", "einsum('ik,jl->ijkl', eye(m), X @ B)"),
    Row("tr(A @ X.T @ B @ X @ C)", "gradient", "X", shapes(A=["n", "m"], X=["p", "m"], B=["p", "p"], C=["m", "n"]), "B.T @ X @ A.T @ C.T + B @ X @ C @ A"),
    Row("tr(A @ X.T @ B @ X @ C)", "gradient", "A", shapes(A=["n", "m"], X=["p", "m"], B=["p", "p"], C=["m", "n"]), "C.T @ X.T @ B.T @ X"),
    Row("inv(X)", "jacobian", "X", shapes(X=["n", "n"]), "-einsum('ik,lj->ijkl', inv(X), inv(X))", "transpose(-einsum('ik,lj->ijkl', inv(X), inv(X)), axes=(2, 3, 0, 1))"),
    Row("tr(inv(X) @ A)", "gradient", "X", shapes(X=["n", "n"], A=["n", "n"]), "-inv(X).T @ A.T @ inv(X).T"),
    Row("sqrt(x.T @ x)", "gradient", "x", shapes(x=["n"]), "x/norm(x)"),
    Row("norm(A @ x - y)**2", "gradient", "x", shapes(A=["m", "n"], x=["n"], y=["m"]), "2*(A @ x - y) @ A", "2*A.T @ (A @ x - y)"),
    Row("norm(A @ x - y)**2", "gradient", "A", shapes(A=["m", "n"], x=["n"], y=["m"]), "2*outer(A @ x - y, x)"),
    Row("norm(A @ x - y)**2", "hessian", "x x", shapes(A=["m", "n"], x=["n"], y=["m"]), "2*A.T @ A"),
    Row("x*y", "jacobian", "x", shapes(x=["n"], y=["n"]), "diag(y)"),
    Row("A*X", "jacobian", "X", shapes(A=["m", "n"], X=["m", "n"]), "einsum('ij,ik,jl->ijkl', A, eye(m), eye(n))"),
    Row("sin(A @ x).T @ y", "gradient", "x", shapes(A=["m", "n"], x=["n"], y=["m"]), "(y*cos(A @ x)) @ A", "A.T @ (y*cos(A @ x))"),
    Row("sin(A @ x).T @ y", "gradient", "A", shapes(A=["m", "n"], x=["n"], y=["m"]), "outer(y*cos(A @ x), x)"),
    Row("X @ X @ X", "jacobian", "X", shapes(X=["n", "n"]), "einsum('ik,lj->ijkl', X, X) + einsum('ik,jl->ijkl', eye(n), X.T @ X.T) + einsum('ik,jl->ijkl', X @ X, eye(n))", "transpose(einsum('ik,lj->ijkl', X, X) + einsum('ik,jl->ijkl', eye(n), X.T @ X.T) + einsum('ik,jl->ijkl', X @ X, eye(n)), axes=(2, 3, 0, 1))"),
    Row("kron(A, X)", "jacobian", "X", shapes(A=["m", "n"], X=["p", "q"]), "reshape(einsum('ik,jm,ln->ijklmn', A, eye(p), eye(q)), (m*p, n*q, p, q))", "reshape(einsum('il,jn,km->ijklmn', eye(p), eye(q), A), (p, q, m*p, n*q))"),
    Row("log(det(X))", "gradient", "X", shapes(X=["n", "n"]), "inv(X).T"),
    Row("log(det(X))", "hessian", "X X", shapes(X=["n", "n"]), "-einsum('li,jk->ijkl', inv(X), inv(X))"),
    Row("log(det(inv(X)))", "gradient", "X", shapes(X=["n", "n"]), "-inv(X).T"),
    Row("tr(A.T @ A) + tr(B.T @ B)", "gradient", "A", shapes(A=["m", "n"], B=["p", "q"]), "2*A"),
    Row("tr(A.T @ A) + tr(B.T @ B)", "gradient", "B", shapes(A=["m", "n"], B=["p", "q"]), "2*B"),
    Row("exp(tr(X))", "gradient", "X", shapes(X=["n", "n"]), "exp(trace(X))*eye(n)"),
    Row("det(X)*tr(X)", "gradient", "X", shapes(X=["n", "n"]), "det(X)*eye(n) + trace(X)*cofactor(X)"),
    Row("x/tr(outer(x, x))", "jacobian", "x", shapes(x=["n"]), "eye(n)/(x @ x) - 2*outer(x, x)/(x @ x)**2", "(eye(n)/(x @ x) - 2*outer(x, x)/(x @ x)**2).T"),
    Row("exp(x.T @ x)*x", "jacobian", "x", shapes(x=["n"]), "exp(x @ x)*(eye(n) + 2*outer(x, x))"),
    Row("sum(log(1 + exp(-y*(X @ w))))", "gradient", "w", shapes(X=["m", "n"], y=["m"], w=["n"]), "(-y*sigmoid(-y*(X @ w))) @ X", "-X.T @ (y*sigmoid(-y*(X @ w)))"),
    Row("sum(log(1 + exp(-y*(X @ w))))", "hessian", "w w", shapes(X=["m", "n"], y=["m"], w=["n"]), "X.T @ diag(y**2*sigmoid(y*(X @ w))*sigmoid(-y*(X @ w))) @ X"),
    Row("tr(eye(n) - X)**2", "gradient", "X", shapes(X=["n", "n"]), "-2*trace(eye(n) - X)*eye(n)"),
    Row("tr(kron(A, X))", "gradient", "X", shapes(A=["m", "m"], X=["n", "n"]), "trace(A)*eye(n)"),
    Row("diag(x) @ A @ x", "jacobian", "x", shapes(x=["n"], A=["n", "n"]), "diag(x) @ A + diag(A @ x)", "(diag(x) @ A + diag(A @ x)).T"),
    Row("tr(diag(diag(X)) @ A)", "gradient", "X", shapes(X=["n", "n"], A=["n", "n"]), "diag(diag(A))"),
    Row("sqrt(tr(X.T @ X))", "gradient", "X", shapes(X=["m", "n"]), "X/norm(X)"),
    Row("-sum(y*log(softmax(x)))", "gradient", "x", shapes(x=["n"], y=["n"]), "sum(y)*softmax(x) - y"),
    Row("-sum(y*log(softmax(x)))", "hessian", "x x", shapes(x=["n"], y=["n"]), "sum(y)*(diag(softmax(x)) - outer(softmax(x), softmax(x)))"),
    Row("norm(T - U @ V.T)**2", "gradient", "U", shapes(T=["m", "n"], U=["m", "k"], V=["n", "k"]), "-2*(T - U @ V.T) @ V"),
    Row("norm(T - U @ V.T)**2", "gradient", "V", shapes(T=["m", "n"], U=["m", "k"], V=["n", "k"]), "-2*(T - U @ V.T).T @ U"),
    Row("norm(T - U @ V.T)**2", "hessian", "U U", shapes(T=["m", "n"], U=["m", "k"], V=["n", "k"]), "2*einsum('ik,jl->ijkl', eye(m), V.T @ V)"),
)
