"""OPT (Zhang et al. 2022, arXiv:2205.01068): decoders of text from 125 million weights on."""
