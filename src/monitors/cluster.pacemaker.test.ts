import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SshClient } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import pacemaker from './cluster.pacemaker.ts'

// In the shape of crm_mon's published schema (crm_mon.rng, pacemaker 2.1), written for this test; what the programs printed of a cluster that was
// described to them is in recordings/.
const healthy = `@@@ cluster
<pacemaker-result api-version="2.22" request="crm_mon --one-shot --output-as=xml">
  <summary>
    <current_dc present="true" version="2.1.2" name="hana1" id="1" with_quorum="true"/>
    <cluster_options stonith-enabled="true" symmetric-cluster="true" no-quorum-policy="stop" maintenance-mode="false"/>
  </summary>
  <nodes>
    <node name="hana1" id="1" online="true" standby="false" standby_onfail="false" maintenance="false" unclean="false" is_dc="true" resources_running="4" type="member"/>
    <node name="hana2" id="2" online="true" standby="false" standby_onfail="false" maintenance="false" unclean="false" is_dc="false" resources_running="2" type="member"/>
  </nodes>
  <resources>
    <resource id="stonith-sbd" resource_agent="stonith:external/sbd" role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="false" nodes_running_on="1">
      <node name="hana1" id="1" cached="true"/>
    </resource>
    <clone id="msl_HANA" multi_state="true" managed="true" failed="false">
      <resource id="rsc_HANA" role="Master" active="true" blocked="false" managed="true" failed="false"><node name="hana1" id="1"/></resource>
      <resource id="rsc_HANA" role="Slave" active="true" blocked="false" managed="true" failed="false"><node name="hana2" id="2"/></resource>
    </clone>
    <group id="g_ip"><resource id="rsc_ip" role="Started" active="true" blocked="false" managed="true" failed="false"/></group>
    <resource id="rsc_off" role="Stopped" target_role="Stopped" active="false" blocked="false" managed="true" failed="false"/>
  </resources>
  <node_history>
    <node name="hana1"><resource_history id="rsc_ip" orphan="false" migration-threshold="5000"/></node>
  </node_history>
</pacemaker-result>
@@@ quorum
Quorum information
------------------
Nodes:            2
Quorate:          Yes

Votequorum information
----------------------
Expected votes:   2
Total votes:      2
@@@ rings
Printing ring status.
Local node ID 1
RING ID 0
        id      = 10.0.0.1
        status  = ring 0 active with no faults
@@@ sbd
/dev/disk/by-id/a healthy
`
const broken = healthy
  .replace('standby="false" standby_onfail', 'standby="true" standby_onfail')
  .replace('name="hana2" id="2" online="true"', 'name="hana2" id="2" online="false"')
  .replace('unclean="false" is_dc="false"', 'unclean="true" is_dc="false"')
  .replace(
    '<resource id="rsc_ip" role="Started" active="true" blocked="false" managed="true" failed="false"/>',
    '<resource id="rsc_ip" role="Stopped" active="false" blocked="true" managed="true" failed="true"/>',
  )
  .replace(
    '<resource_history id="rsc_ip" orphan="false"',
    '<resource_history id="rsc_ip" fail-count="INFINITY" orphan="false"',
  )
  .replace(
    '</pacemaker-result>',
    '<failures><failure op_key="rsc_ip_start_0" node="hana1" exitstatus="&lt;error&gt;"/></failures></pacemaker-result>',
  )
  .replace('stonith-enabled="true"', 'stonith-enabled="false"')
  .replace('maintenance-mode="false"', 'maintenance-mode="true"')
  .replace('Quorate:          Yes', 'Quorate:          No')
  .replace('ring 0 active with no faults', 'Marking ringid 0 interface 10.0.0.1 FAULTY')
  .replace('/a healthy', '/a unhealthy')

function host(stdout: string): SshClient {
  return { target: 'hana1:22', run: async () => ({ exit: 0, stdout, stderr: '', truncated: false, duration: 3 }) }
}

test('a healthy cluster is told whole, and nothing raises', async () => {
  const seen = await collectOnce(pacemaker, {}, { client: host(healthy) })
  expectSound(pacemaker, seen)
  const { node_standby: _, node_maintenance: __, node_unclean: ___, ...metrics } = seen.metrics
  const of = (resource: string, value: number) => ({ labels: { resource }, value })
  expect([metrics, seen.facts, judgedBy(pacemaker, seen)]).toEqual([
    {
      nodes: 2,
      nodes_online: 2,
      node_online: [
        { labels: { node: 'hana1' }, value: 1 },
        { labels: { node: 'hana2' }, value: 1 },
      ],
      resource_running: [of('stonith-sbd', 1), of('rsc_HANA', 1), of('rsc_ip', 1)],
      resource_failed: [of('stonith-sbd', 0), of('rsc_HANA', 0), of('rsc_ip', 0), of('rsc_off', 0)],
      resource_blocked: [of('stonith-sbd', 0), of('rsc_HANA', 0), of('rsc_ip', 0), of('rsc_off', 0)],
      fail_count: [],
      failed_actions: 0,
      maintenance: 0,
      fencing: 1,
      quorate: 1,
      votes: 2,
      votes_expected: 2,
      rings_faulty: 0,
      sbd_healthy: [{ labels: { device: '/dev/disk/by-id/a' }, value: 1 }],
    },
    { version: '2.1.2', coordinator: 'hana1' },
    {},
  ])
})

test('what Pacemaker 2.1.5 and corosync 3.1.7 print is read: an address that failed twice, a program that runs nowhere, a node that is away', async () => {
  const recorded = await readFile(new URL('recordings/cluster.pacemaker.txt', import.meta.url), 'utf8')
  const seen = await collectOnce(pacemaker, {}, { client: host(recorded) })
  expectSound(pacemaker, seen)
  const of = (resource: string, value: number) => ({ labels: { resource }, value })
  expect([
    seen.metrics['resource_running'],
    seen.metrics['fail_count'],
    [seen.metrics['votes'], seen.metrics['votes_expected'], seen.metrics['rings_faulty']],
    seen.facts,
    seen.message,
    judgedBy(pacemaker, seen),
  ]).toEqual([
    [of('stonith-sbd', 1), of('rsc_ip', 1), of('rsc_db', 1), of('rsc_fs', 1), of('rsc_app', 0)],
    [{ labels: { resource: 'rsc_ip', node: 'hana1' }, value: 2 }],
    [1, 2, 1],
    { version: '2.1.5', coordinator: 'hana1' },
    'failed: rsc_ip_monitor_10000 on hana1',
    {
      'resource failed': 'MAJOR',
      'resource nowhere': 'MAJOR',
      'failures counted': 'WARNING',
      'ring faulty': 'MAJOR',
    },
  ])
})

test('a lost node, a failed resource, no quorum and what stands behind it raise', async () => {
  const seen = await collectOnce(pacemaker, {}, { client: host(broken) })
  expect([judgedBy(pacemaker, seen), seen.message, seen.metrics['fail_count']]).toEqual([
    {
      'no quorum': 'CRITICAL',
      'node not online': 'MAJOR',
      'node to be fenced': 'CRITICAL',
      'node in standby': 'INFO',
      'resource failed': 'MAJOR',
      'resource blocked': 'CRITICAL',
      'resource nowhere': 'MAJOR',
      'failures counted': 'WARNING',
      'fencing off': 'WARNING',
      'in maintenance': 'INFO',
      'ring faulty': 'MAJOR',
      'SBD device unhealthy': 'CRITICAL',
    },
    'failed: rsc_ip_start_0 on hana1',
    [{ labels: { resource: 'rsc_ip', node: 'hana1' }, value: 1_000_000 }],
  ])
})

test('a machine without a cluster says so', async () => {
  await expect(collectOnce(pacemaker, {}, { client: host('@@@ cluster\n@@@ quorum\n') })).rejects.toMatchObject({
    reason: 'configuration',
  })
})

test('whatever a node answers, the outcome is numbers or words', async () => {
  const mutated = fc
    .tuple(fc.nat(broken.length), fc.nat(200), fc.string({ maxLength: 60 }))
    .map(([at, length, other]) => broken.slice(0, at) + other + broken.slice(at + length))
  await fc.assert(
    fc.asyncProperty(mutated, async (stdout) => {
      const seen = await collectOnce(pacemaker, {}, { client: host(stdout) }).catch((thrown: Error) => thrown)
      if (seen instanceof Error) expect(seen.name).toBe('TargetError')
      else expectSound(pacemaker, seen)
    }),
  )
})

test('a megabyte that looks like the beginning of tags takes no longer than a megabyte', async () => {
  const began = process.cpuUsage()
  for (const piece of ['<', '<a b="', '<a b="" ', '<a '.repeat(3)])
    await collectOnce(pacemaker, {}, { client: host(`@@@ cluster\n${piece.repeat(300_000)}`) }).catch(() => undefined)
  // Of the processor's time: that of the clock says on a busy machine what others did.
  expect(process.cpuUsage(began).user / 1_000 < 4_000).toBe(true)
})
