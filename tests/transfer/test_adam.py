"""Our Adam is PyTorch's, with a rate that falls."""

import torch

from dgtl_ray.transfer.adam import Adam


def loss(weights: torch.Tensor) -> torch.Tensor:
    return (weights - torch.arange(3).double()).square().sum() + weights.prod()


def test_it_goes_where_pytorchs_goes() -> None:
    ours, theirs = (torch.nn.Parameter(torch.full((3,), 0.5).double()) for _ in range(2))
    adam = Adam([ours], rate=0.1, steps=20)
    optimizer = torch.optim.Adam([theirs], lr=0.1)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20, eta_min=0.001)
    for _ in range(20):
        adam.step(loss(ours))
        optimizer.zero_grad()
        torch.autograd.backward(loss(theirs))
        optimizer.step()
        decay.step()
    torch.testing.assert_close(ours, theirs)


def test_what_needs_no_gradient_stays() -> None:
    free, fixed = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2), False)
    Adam([free, fixed], rate=0.1, steps=1).step((free * fixed).sum())
    assert free.tolist() != [1.0, 1.0]
    assert fixed.tolist() == [1.0, 1.0]
