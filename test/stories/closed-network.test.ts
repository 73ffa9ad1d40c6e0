import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { run } from '../servers/processes.ts'
import { hitsOf, rowsOf } from '../support/account.ts'
import { countingDocument } from '../support/counting-target.ts'
import { startFleet } from '../support/fleet.ts'
import { until } from '../support/instance.ts'
import { ClosedNetwork } from '../support/network-namespace.ts'

// Where it cannot run it is skipped, and says so; in CI it must run.
const obstacle = ClosedNetwork.obstacle()
const mustRun = process.env['CI'] === 'true'
if (obstacle !== undefined)
  process.stderr.write(`closed-network: ${mustRun ? 'cannot run' : 'skipped'}, as ${obstacle}\n`)

/** A web server that counts, as the other one in this process, but one that can be put into a network of its own. */
const counter = `let hits = 0
require('node:http').createServer((_, answer) => answer.end(JSON.stringify({ hits: ++hits }))).listen(8080, '0.0.0.0', () => console.log('listens'))`

test.skipIf(obstacle !== undefined && !mustRun)(
  'an agent in a network that nobody can get into measures what only it can see, and reports over connections of its own',
  async () => {
    await using network = await ClosedNetwork.make()
    const [ip, ...within] = network.wrap
    const target = run(ip!, [...within, process.execPath, '-e', counter])
    try {
      await until(
        'the target listens',
        async () => target.output(),
        (output) => output.includes('listens'),
      )
      await using fleet = await startFleet({
        host: network.outside,
        agents: [{ name: 'inside', wrap: network.wrap, host: '0.0.0.0', signIn: false }],
      })
      const { server } = fleet
      const agent = fleet.agents[0]!
      const port = Number(new URL(agent.url).port)
      await server.call('applyConfiguration', {
        query: {},
        body: {
          ...countingDocument('http://127.0.0.1:8080', 1),
          associations: [{ group: 'acme', agents: ['inside'] }],
        },
      })
      const rows = await until(
        'it measured',
        async () => (await rowsOf(server)).get('front-0') ?? [],
        (all) => all.filter((row) => hitsOf(row) !== undefined).length >= 3,
      )
      const hits = rows.map(hitsOf).filter((value) => value !== undefined)
      const log = await server.call('showAgentLogs', { params: { id: agent.uuid }, query: {} })
      // What it serves is there, so that the silence out here is the wall's.
      const own = run(ip!, [...within, 'bash', '-c', `exec 3<>/dev/tcp/${network.inside}/${port} && echo reached`])
      await until(
        'it is reached from within',
        async () => own.output(),
        (output) => output.includes('reached'),
      )
      expect({
        inOrder: hits.every((value, i) => i === 0 || value > hits[i - 1]!),
        agents: [...new Set(rows.map((row) => row.agent))],
        log: log.includes('"event"'),
        fromOutside: await reaches(network.inside, port),
        target: await reaches(network.inside, 8080),
      }).toEqual({ inOrder: true, agents: ['inside'], log: true, fromOutside: false, target: false })
    } finally {
      await target.stop()
    }
  },
)

/** Whether a connection can be opened; what drops packets gives no answer. */
function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_500 })
    const say = (answer: boolean) => () => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', say(true))
    socket.once('timeout', say(false))
    socket.once('error', say(false))
  })
}
