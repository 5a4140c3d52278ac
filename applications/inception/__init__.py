"""Inception v3 and Inception-ResNet v2 (Szegedy et al. 2015, 2016), as in Keras."""
