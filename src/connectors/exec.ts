import { spawn } from 'node:child_process'
import { constants, type Dirent } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { systemClock } from '../platform/index.ts'
import { defineConnector, TargetError, type ExecClient, type ExecRequest, type ExecSeen } from '../sdk/index.ts'
import { BoundedOutput } from './network/bounded-output.ts'
import { outOfTime } from './network/failures.ts'

/** Programs on the agent's machine, such as monitoring plugins. */
export default defineConnector({
  id: 'exec',
  title: 'Programs',
  summary: 'Programs on the agent’s machine, such as monitoring plugins.',
  settings: {
    directory: {
      kind: 'text',
      label: 'Directory',
      help: 'Where programs are found that are named without a path. Nothing outside of it can be named, but by an absolute path where those are allowed.',
      default: '/usr/lib/nagios/plugins',
      pattern: '(/|[A-Za-z]:[\\\\/]).*',
    },
    allowAbsolute: {
      kind: 'flag',
      label: 'Allow absolute paths',
      help: 'On: monitors of this connector may run any program of the machine, with the rights of the agent.',
      default: false,
    },
  },
  credentials: [],
  // Programs all meet at this machine; the bound per target keeps them from taking it over.
  target: ({ directory }) => `exec:${directory}`,
  open: ({ directory, allowAbsolute }) => new Programs(directory, allowAbsolute),
})

/** A directory of plugins has a hundred; one with more than this is something else. */
const mostPrograms = 5_000

/** What a program sees of the agent's environment: nothing that could hold a secret of ours. */
function environment(): Record<string, string> {
  const passed: Record<string, string> = { LC_ALL: 'C.UTF-8' }
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'TZ', 'SystemRoot', 'windir', 'TEMP', 'TMP', 'PATHEXT', 'ComSpec']) {
    const value = process.env[name]
    if (value !== undefined) passed[name] = value
  }
  return passed
}

class Programs implements ExecClient {
  readonly #directory: string
  readonly #allowAbsolute: boolean

  constructor(directory: string, allowAbsolute: boolean) {
    this.#directory = directory
    this.#allowAbsolute = allowAbsolute
  }

  async run({ command, args, maxOutputBytes }: ExecRequest, signal: AbortSignal): Promise<ExecSeen> {
    return runProgram(this.#find(command), args, maxOutputBytes, signal)
  }

  async programs(signal: AbortSignal): Promise<readonly string[]> {
    let entries: readonly Dirent[]
    try {
      entries = await readdir(this.#directory, { withFileTypes: true })
    } catch (cause) {
      throw new TargetError('configuration', `the directory ${this.#directory} cannot be read`, { cause })
    }
    const found: string[] = []
    for (const { name } of entries.slice(0, mostPrograms)) {
      signal.throwIfAborted()
      const path = join(this.#directory, name)
      const isProgram = await Promise.all([stat(path), access(path, constants.X_OK)]).then(
        ([about]) => about.isFile(),
        () => false,
      )
      if (isProgram) found.push(name)
    }
    return found
  }

  #find(command: string): string {
    if (isAbsolute(command)) {
      if (this.#allowAbsolute) return command
      throw new TargetError('configuration', `this connector does not allow absolute paths such as ${command}`)
    }
    if (/[\\/]/.test(command) || command === '..' || command === '.')
      throw new TargetError('configuration', `${command} is not a plain program name`)
    return join(this.#directory, command)
  }
}

/**
 * Runs a program without a shell in a process group of its own. When the signal aborts, the whole group is ended at once, so that
 * nothing the program started stays behind; on Windows, which has no such groups, the program itself.
 */
export function runProgram(
  path: string,
  args: readonly string[],
  maxOutputBytes: number,
  signal: AbortSignal,
): Promise<ExecSeen> {
  const name = path.replace(/^.*[\\/]/, '')
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(outOfTime(name, 'was not run'))
    const grouped = process.platform !== 'win32'
    const begun = systemClock.elapsed()
    const child = spawn(path, args, {
      shell: false,
      detached: grouped,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    })
    const endGroup = () => {
      try {
        if (child.pid !== undefined && grouped) process.kill(-child.pid, 'SIGKILL')
        else child.kill('SIGKILL')
      } catch {
        // ESRCH: everything in it has ended by itself.
      }
    }
    const stop = () => {
      endGroup()
      child.stdout.destroy()
      child.stderr.destroy()
      settle(() => reject(outOfTime(name, 'did not end')))
    }
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', stop)
      act()
    }
    signal.addEventListener('abort', stop, { once: true })
    const output = new BoundedOutput(maxOutputBytes)
    const [stdout, stderr] = [output.way(), output.way()]
    child.stdout.on('data', stdout.take)
    child.stderr.on('data', stderr.take)
    child.on('error', (error: NodeJS.ErrnoException) => {
      const words =
        error.code === 'ENOENT'
          ? `there is no program ${name} where the connector looks for it`
          : error.code === 'EACCES'
            ? `the agent may not run ${name}`
            : `${name} cannot be run (${error.code ?? 'unknown'})`
      settle(() => reject(new TargetError('configuration', words, { cause: error })))
    })
    // A program may end and leave children behind that hold its output open; they are ended, not waited for.
    child.on('exit', (code, endedBy) => {
      const finish = () =>
        settle(() =>
          resolve({
            exit: code ?? endedBy ?? 'unknown',
            stdout: stdout.text(),
            stderr: stderr.text(),
            truncated: output.isTruncated,
            duration: systemClock.elapsed() - begun,
          }),
        )
      const cancel = systemClock.after(200, () => {
        endGroup()
        child.stdout.destroy()
        child.stderr.destroy()
        finish()
      })
      child.once('close', () => {
        cancel()
        finish()
      })
    })
  })
}
