"""VGG (Simonyan and Zisserman 2014), as in Keras."""
