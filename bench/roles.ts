/** What changing roles takes, and what an instance that is only an agent needs. */
import { TestInstance, until } from '../test/support/instance.ts'
import { startServer } from './fleet-load.ts'
import { processTree } from './process-tree.ts'
import { startAgent } from './real-agent.ts'
import { median, sleep, type BenchRow, type Figure } from './row.ts'

const mebibyte = 1024 ** 2
const idleMs = 10_000
const rounds = 5

/** From asking for a role to the answer, after which it is in force. */
async function switches(server: TestInstance): Promise<readonly Figure[]> {
  await using instance = await TestInstance.start()
  const steps = [
    { title: 'standalone to server', roles: { server: true, agent: false } },
    { title: 'server to agent', roles: { server: false, agent: true } },
    { title: 'agent to standalone', roles: { server: true, agent: true } },
  ]
  const seen = new Map<string, number[]>(steps.map(({ title }) => [title, []]))
  for (let round = 0; round < rounds; round++)
    for (const { title, roles } of steps) {
      const asked = performance.now()
      await instance.call('changeInstance', { body: { roles, servers: [server.url] } })
      await until(
        `the role is in force: ${title}`,
        () => instance.call('showInstance'),
        (shown) => shown.roles.server === roles.server && shown.roles.agent === roles.agent,
      )
      seen.get(title)!.push(performance.now() - asked)
      await sleep(500)
    }
  return [...seen].map(([title, ms]) => ({
    name: `role changed while running, ${title}`,
    value: median(ms),
    unit: 'ms',
    note: `at most ${Math.max(...ms).toFixed(0)}`,
  }))
}

/** Resident memory of an agent that is connected and has nothing to do. */
async function idle(
  server: TestInstance,
  title: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly Figure[]> {
  await using agent = await startAgent(server, `idle-${title.replaceAll(' ', '-')}`, env)
  await sleep(idleMs)
  const tree = processTree(agent.pid)
  const main = tree.find(({ pid }) => pid === agent.pid)
  const sum = tree.reduce((total, { residentBytes }) => total + residentBytes, 0)
  const own = tree.reduce((total, { ownBytes }) => total + ownBytes, 0)
  const name = `RSS of an idle agent, ${title}`
  return [
    {
      name: `${name}: all processes`,
      value: sum / mebibyte,
      unit: 'MiB',
      note: `${tree.length} processes; ${(own / mebibyte).toFixed(0)} MiB with shared pages counted once`,
    },
    { name: `${name}: main process`, value: (main?.residentBytes ?? NaN) / mebibyte, unit: 'MiB' },
  ]
}

export const rolesRow: BenchRow = {
  name: 'roles',
  about: 'time of a change of roles; memory of an instance that is only an agent',
  async run() {
    await using server = await startServer()
    return [
      ...(await switches(server)),
      ...(await idle(server, 'one monitoring process', { FARWATCH_PROCESSES: '1' })),
      ...(await idle(server, 'default settings', {})),
    ]
  },
}
