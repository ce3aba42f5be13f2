import torch

# One thread: the tests are small, and as many processes as there are cores share the machine.
torch.set_num_threads(1)
