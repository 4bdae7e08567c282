import asyncio as aio, os.path
from . import x as y
from .m import *
if TYPE_CHECKING:
    from a.b import C
LIMIT = 60 * 5
A, B = 1 << 20, -1
A += 1
try:
    import z
except ImportError as e:
    z = None

@deco(1, "a b")
@other
class K(Base, Generic[T], metaclass=make()):
    """doc"""
    q: "aio.Queue[int] | None" = None
    N = 5
    M = N + 1
    class Inner: pass
    def __init__(self, a: Optional[int] = None, *args, k=LIMIT, **kw):
        self._t: set[aio.Task] = set()
        self.x, *self.rest = a, 1
        async def go():
            nonlocal a
            a = 3
            await self.run(a, *args, k=k, **kw)
        self.t = aio.create_task(go())
        _ = aio.current_task()
        self.cb = lambda t, s=self: s._t.discard(t) and N
    @staticmethod
    def s(a): return a
async def main(n):
    global LIMIT
    LIMIT = n
    while True:
        async with aio.timeout(1) as t, t.lock:
            async for i in gen():
                if i is None or not i.x < 3 < n and i:
                    continue
                elif (w := i.get()) in {1, 2}:
                    break
                else:
                    r = i.a or i.b and w
        try:
            await r
        except (ValueError, aio.CancelledError) as e:
            raise RuntimeError() from e
        except Exception:
            pass
        else:
            yield r
        finally:
            del r, i[0]
    tasks = [aio.create_task(f(x)) for x in n if x for y in x]
    d = {k: v async for k, v in tasks}
    fs = [lambda: x for x in n]
    match d:
        case {"a": q, **rest}: pass
        case P(1, x=[a, *b]) as w if a > 1: print(a)
        case (A.B | None | "s"): pass
        case C(v) | D(v): pass
        case _: pass
    s = n[1:], n[-5:], n[::2], n[1, 2:3]
    print(f"x {n!r:>{w}} y", sep="")
    n.y.z[3] += 1
    v = a if n else b
    assert n, f"bad {n}"
    import os.path, json as j
    from q import w2 as w3
    return (yield)
