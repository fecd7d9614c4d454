"""Front ends, from waveforms to features. Called, it is `kerasser.api.describing.features`."""

from kerasser.util.callable_package import make_callable

make_callable(__name__, "kerasser.api.describing:features")
