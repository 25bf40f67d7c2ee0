"""The architectures that the bench runs and torchvision does not have, as PyTorch modules; their weights are random."""
import torch
from torch import nn
from torch.nn import functional as F


class ConvUnit(nn.Module):
    """Convolution, batch norm, activation."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, pad=None, groups=1, act=nn.ReLU):
        super().__init__()
        pad = kernel // 2 if pad is None else pad
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = act() if act else nn.Identity()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


# YOLOv5s, v6.0: depth 0.33, width 0.50, 80 classes, three scales.


def silu_unit(inputs, outputs, kernel=1, stride=1, pad=None):
    return ConvUnit(inputs, outputs, kernel, stride, pad, act=nn.SiLU)


class Bottleneck(nn.Module):
    def __init__(self, width, shortcut):
        super().__init__()
        self.squeeze, self.expand, self.shortcut = silu_unit(width, width, 1), silu_unit(width, width, 3), shortcut

    def forward(self, x):
        y = self.expand(self.squeeze(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    """A cross-stage-partial block: half of the channels pass through `depth` bottlenecks, the others go around."""

    def __init__(self, inputs, outputs, depth, shortcut=True):
        super().__init__()
        half = outputs // 2
        self.through, self.around, self.join = silu_unit(inputs, half), silu_unit(inputs, half), silu_unit(2 * half, outputs)
        self.blocks = nn.Sequential(*[Bottleneck(half, shortcut) for _ in range(depth)])

    def forward(self, x):
        return self.join(torch.cat((self.blocks(self.through(x)), self.around(x)), 1))


class Sppf(nn.Module):
    """Three 5x5 max pools, one after another, and all four stages side by side."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.last, self.pool = silu_unit(inputs, inputs // 2), silu_unit(inputs * 2, outputs), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        stages = [self.first(x)]
        for _ in range(3):
            stages.append(self.pool(stages[-1]))
        return self.last(torch.cat(stages, 1))


class Detect(nn.Module):
    """The detection head: 1x1 convolutions, then boxes in pixels: [1, 25200, 5 + classes] of an image of 640."""

    ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
    STRIDES = (8, 16, 32)

    def __init__(self, widths, size, classes=80):
        super().__init__()
        self.fields, self.size = classes + 5, size
        self.heads = nn.ModuleList([nn.Conv2d(w, 3 * self.fields, 1) for w in widths])
        for i, (anchors, stride) in enumerate(zip(self.ANCHORS, self.STRIDES)):
            n = size // stride
            y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
            self.register_buffer("grid%d" % i, torch.stack((x, y), 2).expand(1, 3, n, n, 2).float() - 0.5)
            self.register_buffer("anchor%d" % i, torch.tensor(anchors).float().view(1, 3, 1, 1, 2).expand(1, 3, n, n, 2).clone())

    @staticmethod
    def square(x):
        return x ** 2

    def forward(self, *scales):
        boxes = []
        for i, x in enumerate(scales):
            n = self.size // self.STRIDES[i]
            y = self.heads[i](x).view(1, 3, self.fields, n, n).permute(0, 1, 3, 4, 2).sigmoid()
            place, extent, score = y.split((2, 2, self.fields - 4), 4)
            place = (place * 2 + getattr(self, "grid%d" % i)) * self.STRIDES[i]
            extent = self.square(extent * 2) * getattr(self, "anchor%d" % i)
            boxes.append(torch.cat((place, extent, score), 4).view(1, 3 * n * n, self.fields))
        return torch.cat(boxes, 1)


class Yolov5s(nn.Module):
    def __init__(self, size=640):
        super().__init__()
        self.to8 = nn.Sequential(silu_unit(3, 32, 6, 2, 2), silu_unit(32, 64, 3, 2), C3(64, 64, 1), silu_unit(64, 128, 3, 2), C3(128, 128, 2))
        self.to16 = nn.Sequential(silu_unit(128, 256, 3, 2), C3(256, 256, 3))
        self.to32 = nn.Sequential(silu_unit(256, 512, 3, 2), C3(512, 512, 1), Sppf(512, 512))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.lateral32, self.top16 = silu_unit(512, 256), C3(512, 256, 1, False)
        self.lateral16, self.top8 = silu_unit(256, 128), C3(256, 128, 1, False)
        self.down8, self.bottom16 = silu_unit(128, 128, 3, 2), C3(256, 256, 1, False)
        self.down16, self.bottom32 = silu_unit(256, 256, 3, 2), C3(512, 512, 1, False)
        self.detect = Detect((128, 256, 512), size)

    def forward(self, x):
        p8 = self.to8(x)
        p16 = self.to16(p8)
        l32 = self.lateral32(self.to32(p16))
        l16 = self.lateral16(self.top16(torch.cat((self.up(l32), p16), 1)))
        p8 = self.top8(torch.cat((self.up(l16), p8), 1))
        p16 = self.bottom16(torch.cat((self.down8(p8), l16), 1))
        p32 = self.bottom32(torch.cat((self.down16(p16), l32), 1))
        return self.detect(p8, p16, p32)


# Transformers.


def heads_of(x, heads):
    """[1, T, W] to [1, heads, T, W / heads]."""
    return x.view(1, x.shape[1], heads, -1).transpose(1, 2)


def attend(query, key, value, bias=None):
    score = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
    if bias is not None:
        score = score + bias
    mixed = F.softmax(score, -1) @ value
    return mixed.transpose(1, 2).reshape(1, query.shape[2], -1)


class BertLayer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, bias):
        mixed = attend(*(heads_of(f(x), self.heads) for f in (self.query, self.key, self.value)), bias)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.shrink(F.gelu(self.grow(x))))


class BertBase(nn.Module):
    """BERT-base: 12 layers of 768, 12 heads; gives the last hidden state and the pooled first token."""

    def __init__(self, width=768, layers=12, heads=12):
        super().__init__()
        self.words, self.places, self.kinds = nn.Embedding(30522, width), nn.Embedding(512, width), nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList([BertLayer(width, heads) for _ in range(layers)])
        self.pool = nn.Linear(width, width)

    def forward(self, input_ids, attention_mask, token_type_ids):
        places = torch.arange(input_ids.shape[1])[None]
        x = self.norm(self.words(input_ids) + self.places(places) + self.kinds(token_type_ids))
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        return x, torch.tanh(self.pool(x[:, 0]))


class GptLayer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, past_key, past_value):
        query, key, value = (heads_of(t, self.heads) for t in self.qkv(self.norm1(x)).chunk(3, 2))
        key, value = torch.cat((past_key, key), 2), torch.cat((past_value, value), 2)
        x = x + self.out(attend(query, key, value))
        return x + self.shrink(F.gelu(self.grow(self.norm2(x)), approximate="tanh")), key, value


class Gpt2Step(nn.Module):
    """One token of GPT-2 small after `keys` others: logits, and keys and values of every layer with one row more."""

    def __init__(self, keys=512, width=768, layers=12, heads=12):
        super().__init__()
        self.keys, self.heads = keys, heads
        self.words, self.places = nn.Embedding(50257, width), nn.Embedding(1024, width)
        self.layers = nn.ModuleList([GptLayer(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, token, *past):
        x = self.words(token) + self.places.weight[self.keys]
        present = []
        for i, layer in enumerate(self.layers):
            x, key, value = layer(x, past[2 * i], past[2 * i + 1])
            present += (key, value)
        return (F.linear(self.norm(x)[:, 0], self.words.weight), *present)


class Lstm2(nn.Module):
    """Two LSTM layers of 256 over [100, 1, 128], and a dense layer at each step."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(128, 256, 2), nn.Linear(256, 64)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


# The four shapes of MLPerf Tiny.


class Tiny8Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.main = nn.Sequential(ConvUnit(inputs, outputs, 3, stride), ConvUnit(outputs, outputs, 3, act=None))
        self.side = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        return F.relu(self.main(x) + self.side(x))


def tiny_resnet8():
    """[1, 3, 32, 32] to 10 classes."""
    blocks = [Tiny8Block(16, 16, 1), Tiny8Block(16, 32, 2), Tiny8Block(32, 64, 2)]
    return nn.Sequential(ConvUnit(3, 16, 3), *blocks, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))


def separable(inputs, outputs, stride=1):
    return nn.Sequential(ConvUnit(inputs, inputs, 3, stride, groups=inputs), ConvUnit(inputs, outputs))


def tiny_dscnn():
    """[1, 1, 49, 10] to 12 words."""
    pad = nn.ZeroPad2d((1, 1, 4, 5))
    blocks = [separable(64, 64) for _ in range(4)]
    return nn.Sequential(pad, ConvUnit(1, 64, (10, 4), 2, 0), *blocks, nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(64, 12), nn.Softmax(1))


def tiny_mobilenet():
    """MobileNetV1 at width 0.25 on [1, 3, 96, 96], two classes."""
    plan = ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), *((128, 128, 1),) * 5, (128, 256, 2), (256, 256, 1))
    return nn.Sequential(ConvUnit(3, 8, 3, 2), *[separable(*p) for p in plan], nn.AvgPool2d(3), nn.Flatten(), nn.Linear(256, 2), nn.Softmax(1))


def tiny_autoencoder():
    """[1, 640], nine hidden layers with a bottleneck of 8, back to 640."""
    widths = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128)
    hidden = [m for a, b in zip(widths, widths[1:]) for m in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(128, 640))


class Product(nn.Module):
    """x W with a constant W: [M, K] by [K, N]."""

    def __init__(self, k, n):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(k, n) * k ** -0.5)

    def forward(self, x):
        return x @ self.weight


class Sum(nn.Module):
    """x + b of n elements: what a call costs."""

    def __init__(self, n):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(n))

    def forward(self, x):
        return x + self.bias
