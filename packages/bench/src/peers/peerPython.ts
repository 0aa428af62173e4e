import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** What is installed, all from PyPI. PyTorch's wheel for Linux brings CUDA's libraries along: 3 GB to fetch, once. */
const packages = ['trl==1.13.0', 'transformers==5.23.0', 'torch==2.8.0', 'torchvision==0.23.0', 'pillow', 'requests']

export type PeerPython = { readonly python: string } | { readonly reason: string }

/** A Python with PyTorch and TRL: DURIAN_PEER_PYTHON, else a virtual environment in the user's cache, made here if need be. */
export const peerPython = (say: (line: string) => void): PeerPython => {
  const named = process.env['DURIAN_PEER_PYTHON']
  if (named !== undefined && named !== '') return { python: named }
  const folder = join(
    process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'durian',
    'peers-torch-2.8.0-trl-1.13.0',
  )
  const python = join(folder, 'bin', 'python')
  const finished = join(folder, 'finished')
  if (existsSync(finished)) return { python }
  say(`Making a virtual environment for PyTorch and TRL in ${folder}: about 3 GB to fetch …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const steps: ReadonlyArray<readonly [command: string, args: ReadonlyArray<string>]> = [
    [process.env['DURIAN_PYTHON'] ?? 'python3', ['-m', 'venv', folder]],
    [python, ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', ...packages]],
  ]
  for (const [command, args] of steps) {
    const { status, stderr, error } = spawnSync(command, [...args], { encoding: 'utf8' })
    if (status === 0) continue
    const last = error?.message ?? stderr.trim().split('\n').at(-1) ?? ''
    return {
      reason: `its virtual environment cannot be made: ${command} ${args.slice(0, 3).join(' ')} failed (${last})`,
    }
  }
  writeFileSync(finished, `${packages.join('\n')}\n`)
  return { python }
}
