"""Pretrain a model under any launcher: torchrun --standalone --nproc_per_node=4 train_mae.py --config FILE"""

from hydromae.app.commands.launch import main

if __name__ == "__main__":
    main()
