"""The attack: budgets, draws, the perturbation, searches, gradients. Called, it is `kerasser.api.attacking.attack`."""

from kerasser.util.callable_package import make_callable

make_callable(__name__, "kerasser.api.attacking:attack")
