#!/bin/bash
# Trains one run on two machines: sbatch docs/examples/slurm.sh
#SBATCH --job-name=rtml
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1      # one program for all GPUs of a machine
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120        # two minutes to save; submitted again, the run goes on

port=20000
workers=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed "s/\$/:$port/" | paste -sd, -)

# Each task finds its own number in SLURM_PROCID.
srun --kill-on-bad-exit=1 bash -c "rtml-train \
  --gin_file=gin_configs/metric/image_folder.gin \
  --gin_param=\"IMAGES = '\$HOME/photos'\" \
  --gin_file=gin_configs/distribution/multi_worker.gin \
  --run_dir=\$HOME/runs/photos \
  --workers=$workers --worker_index=\$SLURM_PROCID"
