#!/usr/bin/python3
"""Trains digits on scikit-learn's handwritten digits and writes digits.safetensors beside itself.

    apt-get install python3-torch python3-sklearn

Also writes what main.c needs to check the compiled network: held_back_images.npy, which training
never saw, held_back_labels.npy, and held_back_predictions.npy, what this script's own network says
of them. A minute on two cores. The results are committed: nothing needs this script again.
"""
import os
import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import safetensors  # noqa: E402

HELD_BACK, EPOCHS, BATCH, RATE = 360, 120, 64, 3e-3


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 3, padding=1)
        self.head = nn.Linear(64 * 2 * 2, 10)

    def forward(self, pixels, dropout=False):
        h = pixels[:, None] / 16
        h = F.relu(self.conv1(h))
        h = F.relu(self.conv2(h))
        h = F.max_pool2d(h, 2)
        h = F.relu(self.conv3(h))
        h = F.max_pool2d(h, 2)
        return self.head(F.dropout(h.flatten(1), 0.3, dropout))


def varied(images):
    """The images a little turned, sheared, resized and moved, each in its own way."""
    n = len(images)
    turn, shear = (torch.rand(2, n) - 0.5) * 0.4
    width, height = 1 + (torch.rand(2, n) - 0.5) * 0.3
    x, y = (torch.rand(2, n) - 0.5) * 0.5
    cos, sin = turn.cos(), turn.sin()
    maps = torch.stack((width * cos, shear - sin, x, sin, height * cos, y), 1).view(n, 2, 3)
    grid = F.affine_grid(maps, (n, 1, 8, 8), align_corners=False)
    return F.grid_sample(images[:, None], grid, align_corners=False)[:, 0]


def train(model, images, labels):
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.05)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for epoch in range(1, EPOCHS + 1):
        total = 0
        for batch in torch.randperm(len(images)).split(BATCH):
            logits = model(varied(images[batch]), dropout=True)
            loss = F.cross_entropy(logits, labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        if epoch % 20 == 0:
            print(f'epoch {epoch:3}  loss {total / len(images):.4f}', flush=True)


def main():
    torch.set_num_threads(2)
    torch.manual_seed(1)
    data = load_digits()
    order = np.random.default_rng(1).permutation(len(data.images))
    images = torch.tensor(data.images[order], dtype=torch.float32)
    labels = torch.tensor(data.target[order])
    model = Digits()
    train(model, images[HELD_BACK:], labels[HELD_BACK:])
    images, labels = images[:HELD_BACK], labels[:HELD_BACK]
    with torch.no_grad():
        logits = model(images)
    predictions = logits.argmax(1)
    first, second = logits.topk(2).values.T
    right = (predictions == labels).sum().item()
    print(f'{right} of {HELD_BACK} held back are right: {100 * right / HELD_BACK:.2f} %; '
          f'the closest decision is by {(first - second).min():.4f}')

    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    weights['head.weight'] = weights['head.weight'].T
    safetensors.save(os.path.join(HERE, 'digits.safetensors'), weights)
    for name, values in ('images', images), ('labels', labels), ('predictions', predictions):
        np.save(os.path.join(HERE, f'held_back_{name}.npy'), values.numpy().astype(np.uint8))


if __name__ == '__main__':
    main()
