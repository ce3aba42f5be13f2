import torch

# Two threads for everyone: the tests are small, and others may share the machine.
torch.set_num_threads(2)
