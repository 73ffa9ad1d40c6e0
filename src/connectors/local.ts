import { access, readFile, statfs } from 'node:fs/promises'
import * as os from 'node:os'
import { defineConnector, type FileSystemSpace, type LocalClient, type MachineFacts } from '../sdk/index.ts'
import { systemClock } from '../platform/index.ts'

/** The machine that the agent runs on. */
export default defineConnector({
  id: 'local',
  title: 'This machine',
  summary: 'The machine that the agent runs on.',
  settings: {},
  credentials: [],
  target: () => 'local',
  open: () => new ThisMachine(),
})

const maxFile = 1024 * 1024
const patienceMs = 2_000

class ThisMachine implements LocalClient {
  /** Mounts that were asked and have not answered yet. Asking a dead network drive again would use up the thread pool. */
  readonly #waiting = new Set<string>()

  machine(): MachineFacts {
    const cpus = os.cpus()
    const total = { user: 0, nice: 0, system: 0, idle: 0, interrupt: 0 }
    for (const { times } of cpus) {
      total.user += times.user
      total.nice += times.nice
      total.system += times.sys
      total.idle += times.idle
      total.interrupt += times.irq
    }
    const [one = 0, five = 0, fifteen = 0] = os.loadavg()
    return {
      hostname: os.hostname(),
      system: os.platform(),
      release: os.release(),
      architecture: os.arch(),
      cpus: cpus.length,
      cpuTimes: total,
      memory: os.totalmem(),
      memoryFree: os.freemem(),
      load: [one, five, fifteen],
      uptime: os.uptime(),
    }
  }

  async read(path: string, signal: AbortSignal): Promise<string | undefined> {
    if (!/^\/(proc|sys)\//.test(path) || path.includes('..')) return undefined
    try {
      return (await readFile(path, { encoding: 'utf8', signal })).slice(0, maxFile)
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  }

  async space(mount: string, signal: AbortSignal): Promise<FileSystemSpace | undefined> {
    signal.throwIfAborted()
    if (this.#waiting.has(mount)) return undefined
    this.#waiting.add(mount)
    const asked = statfs(mount)
      .then(
        (seen): FileSystemSpace => ({
          size: seen.blocks * seen.bsize,
          free: seen.bfree * seen.bsize,
          available: seen.bavail * seen.bsize,
          inodes: seen.files,
          inodesFree: seen.ffree,
        }),
        () => undefined,
      )
      .finally(() => this.#waiting.delete(mount))
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel()
        reject(signal.reason)
      }
      signal.addEventListener('abort', stop, { once: true })
      const finish = (space: FileSystemSpace | undefined) => {
        cancel()
        signal.removeEventListener('abort', stop)
        resolve(space)
      }
      const cancel = systemClock.after(patienceMs, () => finish(undefined))
      void asked.then(finish)
    })
  }

  async drives(signal: AbortSignal): Promise<readonly string[]> {
    if (os.platform() !== 'win32') return ['/']
    const there: string[] = []
    for (let code = 67; code <= 90; code++) {
      signal.throwIfAborted()
      const root = `${String.fromCharCode(code)}:\\`
      if (
        await access(root).then(
          () => true,
          () => false,
        )
      )
        there.push(root)
    }
    return there
  }
}
