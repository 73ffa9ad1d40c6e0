/** Agents as their users start them: an instance with a data directory of its own that trusts its server and brings a token. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TestInstance, runCli, until } from '../test/support/instance.ts'
import { processTree } from './process-tree.ts'

export type AnsweredAgent = Awaited<ReturnType<typeof agentsOfServer>>[number]

export function agentsOfServer(server: TestInstance) {
  return server.call('listAgents')
}

/** Resolves when the server has it online. */
export async function startAgent(
  server: TestInstance,
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TestInstance> {
  const data = await mkdtemp(join(tmpdir(), 'farwatch-bench-agent-'))
  const { token } = await server.call('createEnrolmentToken', { body: {} })
  const trusted = await runCli(['trust', server.url, '--yes', '--data', data])
  if (trusted.code !== 0) throw new Error(`the server was not trusted: ${trusted.stderr}`)
  const agent = await TestInstance.start({
    data,
    args: ['--role', 'agent', '--server', server.url],
    env: { FARWATCH_NAME: name, FARWATCH_ENROLMENT_TOKEN: token, ...env },
    signIn: false,
  })
  try {
    await online(server, name)
    return agent
  } catch (thrown) {
    await agent[Symbol.asyncDispose]()
    throw thrown
  }
}

export async function online(server: TestInstance, name: string): Promise<void> {
  await until(
    `the agent ${name} is online`,
    () => agentsOfServer(server),
    (agents) => agents.some((agent) => agent.name === name && agent.runtime === 'ONLINE'),
  )
}

/** Kills the program and its monitoring processes in one go: what they had under way ends with them. */
export async function killWhole(agent: TestInstance): Promise<void> {
  for (const { pid } of processTree(agent.pid)) {
    if (pid === agent.pid) continue
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself a moment ago.
    }
  }
  await agent.kill()
}
