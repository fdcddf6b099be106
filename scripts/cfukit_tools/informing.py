def info(*a, **k): raise NotImplementedError
