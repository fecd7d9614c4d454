from kerasser.api.attacking import attack as attack
from kerasser.api.describing import features as features
from kerasser.api.noise import Noise as Noise
from kerasser.api.noise import load_noise as load_noise
from kerasser.api.result import Result as Result
from kerasser.api.speech import Speech as Speech
from kerasser.api.speech import load_corpus as load_corpus
from kerasser.api.victims import Defended as Defended
from kerasser.attack.budget import SNR as SNR
from kerasser.attack.budget import Budget as Budget
from kerasser.attack.budget import Channel as Channel
from kerasser.attack.budget import Epsilon as Epsilon
from kerasser.evaluation.alarms import Alarm as Alarm
from kerasser.noise.estimation import reference_noise as reference_noise
from kerasser.util.errors import InputError as InputError
from kerasser.victims.adapters import Target as Target

__version__: str
