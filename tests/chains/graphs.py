"""Random graphs of ops with rows: convolutions, pools, what is elementwise behind them, residuals."""


class Graph:
    """A graph under construction; `rows`, `columns` and `channels` are those of the value at hand, h."""

    def __init__(self, random, name):
        self.random, self.name = random, name
        self.batch, self.channels = random.choice([1, 1, 2, 3]), random.choice([2, 3, 4, 5])
        self.rows, self.columns = random.randint(17, 41), random.randint(7, 12)
        self.inputs, self.body, self.weights = [("x", self.shape())], ["h = op relu(x=x);"], 0

    def shape(self):
        return [self.batch, self.channels, self.rows, self.columns]

    def input(self, shape):
        self.weights += 1
        self.inputs.append(("w%d" % self.weights, shape))
        return "w%d" % self.weights

    def say(self, call):
        self.body.append("h = op %s;" % call)

    def window(self, kernel, dilation, padded):
        """Attributes of a window that fits; the new extents."""
        random, extents, pads, strides, kernels = self.random, [], [[], []], [], []
        for extent, most in ((self.rows, kernel), (self.columns, 3)):
            k = random.randint(1, most)
            reach = (k - 1) * dilation + 1
            before, after = (random.randint(0, min(2, reach - 1)) for _ in range(2)) if padded else (0, 0)
            stride = random.choice([1, 1, 1, 2, 3]) if extent >= 16 else 1
            pads[0].append(before)
            pads[1].append(after)
            strides.append(stride)
            kernels.append(k)
            extents.append((extent + before + after - reach) // stride + 1)
        text = "kernel_shape=%s, pads=%s, strides=%s" % (kernels, pads[0] + pads[1], strides)
        return (text, kernels, extents) if min(extents) >= 1 else self.window(kernel, dilation, padded)

    def conv(self):
        random, dilation = self.random, self.random.choice([1, 1, 2])
        depthwise = random.random() < 0.4
        text, kernels, extents = self.window(random.choice([1, 3, 5, 7]) if self.rows > 13 * dilation else 1, dilation, True)
        to = self.channels if depthwise else random.choice([2, 4, 7, 16])
        w = self.input([to, 1 if depthwise else self.channels] + kernels)
        self.say("conv(x=h, w=%s, b=%s, group=%d, dilations=[%d, %d], %s)" % (w, self.input([to]), self.channels if depthwise else 1, dilation, dilation, text))
        self.channels, self.rows, self.columns = to, *extents

    def pool(self):
        op = self.random.choice(["max_pool", "average_pool", "average_pool"])
        text, _, extents = self.window(min(3, self.rows), 1, True)
        more = ", count_include_pad=%d" % self.random.randint(0, 1) if op == "average_pool" else ""
        self.say("%s(x=h, %s%s)" % (op, text, more))
        self.rows, self.columns = extents

    def pointwise(self):
        kind = self.random.randrange(6)
        if kind == 0:
            self.say("relu(x=h)")
        elif kind == 1:
            self.body.append("s = op sigmoid(x=h);")
            self.say("mul(a=h, b=s)")
        elif kind == 2:
            self.say("mul(a=h, b=%s)" % self.input([self.channels, 1, 1]))
        elif kind == 3:
            self.say("add(a=h, b=%s)" % self.input(self.shape()))
        elif kind == 4:
            self.say("add(a=%s, b=h)" % self.input([1, 1, self.rows, 1]))
        else:
            self.say("clip(input=h, min=-0.5, max=2.0)")

    def residual(self):
        """h + conv(h): the sum waits for rows of h."""
        self.body.append("kept = op relu(x=h);")
        k = self.random.choice([1, 3, 5])
        w = self.input([self.channels, self.channels, k, 3])
        self.say("conv(x=kept, w=%s, pads=[%d, 1, %d, 1])" % (w, k // 2, k // 2))
        self.say("add(a=h, b=kept)")

    def text(self):
        for _ in range(self.random.randint(2, 6)):
            step = self.random.choice([self.conv, self.conv, self.conv, self.pool, self.pointwise, self.residual])
            step()
        self.say("tanh(input=h)")
        ports = lambda list: " ".join("%s : f32 [%s];" % (n, ", ".join(map(str, s))) for n, s in list)
        return "graph %s {\n  inputs { %s }\n  outputs { y : f32 [%s]; }\n  block entry {\n    %s\n    return y = h;\n  }\n}\n" % (
            self.name, ports(self.inputs), ", ".join(map(str, self.shape())), "\n    ".join(self.body))
