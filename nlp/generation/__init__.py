"""Generation: from prompts to tokens, one after the other, whatever the model.

`steps` holds the key/value cache, `samplers` and `stopping` the choice of a token and the end of a
text, `loop` the walk from token to token, and `beams` the search for the likeliest text. All but
`steps` compute on the host with NumPy, so the same scores give the same tokens on every backend.
"""
