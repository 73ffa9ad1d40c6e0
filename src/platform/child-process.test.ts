import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { forkProcess } from './child-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'farwatch-child-'))
afterAll(() => rmSync(directory, { recursive: true }))

const platform = new URL('child-process.ts', import.meta.url).href
const child = join(directory, 'child.mjs')
writeFileSync(
  child,
  `import { parentProcess, watchParent } from '${platform}'
  import { spawn } from 'node:child_process'
  const parent = parentProcess()
  watchParent()
  const left = spawn('sleep', ['600'], { stdio: 'ignore' })
  await parent.send([process.pid, left.pid])
  // The thread begins with the loop.
  setTimeout(() => { for (;;); }, 500)`,
)

// Who ends a child that is blocked, and what it started, when its parent is killed → how the parent starts it
const ways = {
  'a shell': `import { forkProcess } from '${platform}'
    const listen = { onMessage: ([a, b]) => console.log(a, b), onOutput: (text) => process.stderr.write(text), onEnd() {} }
    forkProcess(new URL('${pathToFileURL(child)}'), { execArgv: [] }, listen)`,
  'a thread of its own, where there is no shell': `import { fork } from 'node:child_process'
    const env = { ...process.env, FARWATCH_PARENT_PROCESS: String(process.pid) }
    fork('${child}', { env, detached: true, serialization: 'advanced' }).on('message', ([a, b]) => console.log(a, b))`,
}

for (const [who, text] of Object.entries(ways)) {
  test(`a child that is blocked is ended by ${who} when its parent is killed, and what it started with it`, async () => {
    const script = join(directory, 'parent.mjs')
    writeFileSync(script, `${text}\nsetInterval(() => undefined, 1_000)`)
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const said = await new Promise<string>((resolve, reject) => {
        parent.stdout.once('data', (part: Buffer) => resolve(String(part)))
        parent.once('exit', () => reject(new Error('the parent ended')))
      })
      const pids = said.trim().split(' ').map(Number)
      // It is blocked by then.
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const before = pids.map(isRunning)
      parent.kill('SIGKILL')
      await expect.poll(() => pids.map(isRunning), { timeout: 10_000 }).toEqual([false, false])
      expect(before).toEqual([true, true])
    } finally {
      parent.kill('SIGKILL')
    }
  })
}

test('what a process said before it ended by itself is heard before its end', async () => {
  const hasty = join(directory, 'hasty.mjs')
  writeFileSync(
    hasty,
    `await new Promise((sent) => process.send('x'.repeat(200_000), sent))
    process.abort()`,
  )
  const heard = await Promise.all(
    Array.from(
      { length: 8 },
      () =>
        new Promise<string[]>((resolve) => {
          const events: string[] = []
          forkProcess(
            pathToFileURL(hasty),
            { execArgv: [] },
            {
              onMessage: (message) => events.push(`${String(message).length} characters`),
              onOutput: () => undefined,
              onEnd: ({ signal }) => resolve([...events, String(signal)]),
            },
          )
          // Both are there to be read when this process looks again.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
        }),
    ),
  )
  expect(new Set(heard.map((events) => events.join(', ')))).toEqual(new Set(['200000 characters, SIGABRT']))
})

/** A process that ended stays a zombie where nobody waits for it. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/status`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}
