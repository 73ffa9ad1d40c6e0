import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import { TargetError, defineConnector, defineMonitor } from '../../sdk/index.ts'
import { serveMonitoringProcess } from '../monitoring-process.ts'

// A monitoring process with a library of every way to behave badly, and one good one to see whether the others suffer.

const settings = {
  how: { kind: 'text', label: 'What to do', default: 'well' },
  ms: { kind: 'number', label: 'For how long', default: 0 },
} as const

const http = defineConnector({
  id: 'http',
  title: 'Nothing',
  summary: 'Counts how often it was opened.',
  settings: { name: { kind: 'text', label: 'Name', default: 'it' } },
  credentials: ['basic'],
  target: ({ name }) => name,
  open: () => {
    let calls = 0
    const client = {
      url: 'http://nowhere/',
      request: () => {
        calls++
        return Promise.resolve({
          status: calls,
          headers: {},
          body: new Uint8Array(),
          text: () => '',
          phases: { firstByte: 0, total: 0 },
          redirects: 0,
          finalUrl: '',
        })
      },
    }
    return client
  },
})

const hoard: Buffer[] = []

const behave = defineMonitor({
  id: 'test.behave',
  title: 'Behaves as told',
  summary: 'Does what its setting says.',
  connector: 'http',
  settings,
  metrics: {
    value: { title: 'Value', unit: '' },
    item: { title: 'Item', unit: '', items: ['of'] },
  },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  rules: [{ metric: 'failed', thresholds: { MAJOR: '> 0' } }],
  async collect({ how, ms }, { client, signal, previous, remember, plannedAt, now }) {
    switch (how) {
      case 'well':
        if (ms > 0) await wait(ms, undefined, { signal })
        return { metrics: { value: 1 }, message: 'fine' }
      case 'count': {
        const count = typeof previous === 'number' ? previous + 1 : 1
        remember(count)
        const { status } = await client.request({}, signal)
        return { metrics: { value: count }, facts: { pid: process.pid, calls: status, sane: now() - plannedAt < 1e12 } }
      }
      case 'refuse':
        throw new TargetError('refused', 'nothing listens on 127.0.0.1:1 for hunter2')
      case 'throw':
        throw new Error('a mistake with hunter2 in it')
      case 'slow':
        await wait(60_000, undefined, { signal })
        return { metrics: {} }
      case 'hang':
        return new Promise(() => undefined)
      case 'spin':
        await wait(20)
        for (;;) Math.sqrt(2)
      case 'leak':
        for (;;) {
          hoard.push(Buffer.alloc(16 * 1_048_576, 1))
          await wait(5)
        }
      case 'heap': {
        const list: object[] = []
        for (;;) list.push({ more: list.length, and: [list.length] })
      }
      case 'exit':
        await wait(ms)
        process.exit(3)
      case 'abort':
        await wait(ms)
        process.abort()
      case 'uncaught':
        setTimeout(() => {
          throw new Error('nobody caught this hunter2')
        }, 5)
        return new Promise(() => undefined)
      case 'killed once': {
        // As the kernel does when the machine is short of memory.
        if (previous === undefined) process.kill(process.pid, 'SIGKILL')
        return { metrics: { value: 1 } }
      }
      case 'nan':
        return { metrics: { value: NaN } }
      case 'child': {
        const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
        return { metrics: { value: child.pid! } }
      }
      case 'speak':
        process.send!({ kind: 'reports', reports: [{ run: 1 }] })
        process.send!('nonsense')
        process.stdout.write('x'.repeat(200_000))
        return { metrics: { value: 1 } }
      default:
        // `unreachable while <path>`: out of reach as long as a file is there.
        if (how.startsWith('unreachable while ')) {
          if (existsSync(how.slice('unreachable while '.length))) throw new TargetError('unreachable', 'no route to it')
          return { metrics: { value: 1 } }
        }
        return { metrics: {}, failure: { reason: 'configuration', message: `cannot ${how}` } }
    }
  },
})

// One that runs what users write, as far as an agent can tell.
const commands = defineMonitor({
  id: 'test.commands',
  title: 'Runs commands',
  summary: 'Says that it ran.',
  connector: 'http',
  settings,
  metrics: { value: { title: 'Value', unit: '' } },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  runsCommands: true,
  rules: [{ metric: 'failed', thresholds: { MAJOR: '> 0' } }],
  collect: async () => ({ metrics: { value: 1 } }),
})

serveMonitoringProcess({ monitors: [behave, commands], connectors: [http] })
// Whoever is killed, as most of these are, leaves nothing to the next one of what it was made of.
flushCompileCache()
