import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

const closers: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Starts a process that delivers what is in the outbox to the URL, after storing an alarm where `alarm` names one. */
function deliver(file: string, url: string, alarm = ''): ChildProcess {
  const script = new URL('delivering-process.ts', import.meta.url)
  const child = spawn(process.execPath, [script.pathname, file, url, alarm], { stdio: ['ignore', 'ignore', 'inherit'] })
  closers.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return child
}

test('a process killed between sending and recording forgets nothing, and repeats with the same key', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'farwatch-crash-'))
  closers.push(() => rmSync(directory, { recursive: true, force: true }))
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const file = join(directory, 'farwatch.db')
  const keyOf = ([request]: [IncomingMessage, ServerResponse]) => request.headers['idempotency-key']
  const keys: unknown[] = []
  for (const [i, alarm] of ['disk', '', ''].entries()) {
    const request = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>
    const child = deliver(file, url, alarm)
    const came = await request
    keys.push(keyOf(came))
    if (i < 2) {
      // The receiver has it; the sender never learns.
      child.kill('SIGKILL')
      await once(child, 'exit')
    } else {
      came[1].writeHead(200).end()
      // It ends by itself when its ledger says that everything was delivered.
      expect(await once(child, 'exit')).toEqual([0, null])
    }
  }
  expect(keys).toEqual([expect.stringMatching(/^[a-z0-9]{20}$/), keys[0], keys[0]])
})
