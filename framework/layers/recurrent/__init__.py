"""Recurrent layers: cells, which take one step, and what runs them over time."""

from .bidirectional import Bidirectional as Bidirectional
from .conv_lstm import ConvLSTM1D as ConvLSTM1D
from .conv_lstm import ConvLSTM2D as ConvLSTM2D
from .conv_lstm import ConvLSTM3D as ConvLSTM3D
from .gru import GRU as GRU
from .gru import GRUCell as GRUCell
from .lstm import LSTM as LSTM
from .lstm import LSTMCell as LSTMCell
from .rnn import RNN as RNN
from .simple import SimpleRNN as SimpleRNN
from .simple import SimpleRNNCell as SimpleRNNCell
from .stacked import StackedRNNCells as StackedRNNCells
from .time_distributed import TimeDistributed as TimeDistributed
