def test(*a, **k): raise NotImplementedError
