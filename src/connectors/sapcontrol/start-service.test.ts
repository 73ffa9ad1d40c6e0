import { expect, test } from 'vitest'
import { ManualClock } from '../../base/index.ts'
import { messageOf, sapControlReads, TargetError, type SapControlRead, type SapRow } from '../../sdk/index.ts'
import { decide, methodsOf, pauseAfter, whyPaused } from './ask.ts'
import { StartService } from './start-service.ts'

type Process = SapRow<'GetProcessList'>

function process(
  name: string | null,
  dispstatus: string | null = 'SAPControl-GREEN',
  textstatus: string | null = 'Running',
): Process {
  return { name, description: null, dispstatus, textstatus, starttime: null, elapsedtime: null, pid: null }
}

const minute = 60_000
const fault = (words: string) => new TargetError('assertion', words)

// what failed, how often in a row → minutes that it is left alone
const pauses: [SapControlRead, number, number][] = [
  ['GetQueueStatistic', 1, 2],
  ['GetQueueStatistic', 2, 4],
  ['GetQueueStatistic', 3, 8],
  ['GetQueueStatistic', 20, 60],
  ['GetProcessList', 20, 2],
  ['HACheckConfig', 1, 60],
]
test.each(pauses)('%s that failed %i times is left alone for %i minutes', (operation, faults, minutes) => {
  expect(pauseAfter(operation, faults)).toBe(minutes * minute)
})

test('what failed is left alone for a while that doubles, with the same words, and a success ends that', () => {
  const clock = new ManualClock()
  const service = new StartService('sapapp1:50014', clock)
  const state = () => {
    try {
      service.throwIfPaused('GetQueueStatistic')
      return 'asked'
    } catch (thrown) {
      return messageOf(thrown)
    }
  }
  const seen: string[] = [state()]
  service.failed('GetQueueStatistic', fault('no dispatcher'))
  seen.push(state())
  clock.advance(2 * minute)
  seen.push(state())
  service.failed('GetQueueStatistic', fault('still none'))
  clock.advance(3 * minute)
  seen.push(state())
  clock.advance(minute)
  seen.push(state())
  service.succeeded('GetQueueStatistic')
  service.failed('GetQueueStatistic', fault('again'))
  clock.advance(2 * minute)
  seen.push(state())
  expect(seen).toEqual(['asked', 'no dispatcher', 'asked', 'still none', 'asked', 'asked'])
})

test('the process list and what is known of the methods grow old', () => {
  const clock = new ManualClock()
  const service = new StartService('sapapp1:50014', clock)
  service.noteProcesses([process('gwrd')])
  service.noteMethods(undefined)
  clock.advance(14_999)
  const fresh = [service.processes(15_000)?.length, service.methods(15_000)]
  clock.advance(1)
  expect([fresh, service.processes(15_000), service.methods(15_000)]).toEqual([
    [1, { at: 0, methods: undefined }],
    undefined,
    undefined,
  ])
})

test('an instance that was started again begins with a clean slate', () => {
  const service = new StartService('sapapp1:50014', new ManualClock())
  service.noteProcesses([process('gwrd', 'SAPControl-YELLOW')])
  service.failed('GetQueueStatistic', fault('no dispatcher'))
  service.noteMethods({ offered: new Set(['x']), protected: new Set() })
  service.noteProcesses([process('gwrd')])
  service.throwIfPaused('GetQueueStatistic')
  expect(service.methods(minute)).toBeUndefined()
})

// processes → why nothing is asked for
const states: [string, Process[], string[], string | undefined][] = [
  ['all green', [process('gwrd'), process('disp+work')], [], undefined],
  ['none', [], [], undefined],
  [
    'one yellow',
    [process('gwrd'), process('x', 'SAPControl-YELLOW', 'Starting')],
    [],
    'x is not GREEN (YELLOW, Starting)',
  ],
  ['one ignored', [process('x', 'SAPControl-GRAY')], ['x'], undefined],
  ['one without a state', [process('x', null, null)], [], 'x is not GREEN (no state)'],
  ['one without a name', [process(null, 'SAPControl-RED', '')], ['x'], 'a process is not GREEN (RED)'],
]
test.each(states)('%s', (_, processes, ignored, why) => {
  expect(whyPaused('GetAlertTree', processes, ignored)?.message).toBe(
    why === undefined ? undefined : `GetAlertTree is not asked for while ${why}`,
  )
})

// process of the instance → operations that its component answers
const components: [string, SapControlRead[]][] = [
  ['disp+work', ['GetQueueStatistic', 'ABAPGetWPTable', 'ABAPReadSyslog', 'ICMGetThreadList', 'ICMGetConnectionList']],
  [
    'disp+work.EXE',
    ['GetQueueStatistic', 'ABAPGetWPTable', 'ABAPReadSyslog', 'ICMGetThreadList', 'ICMGetConnectionList'],
  ],
  ['enserver', ['EnqGetStatistic', 'EnqGetLockTable']],
  ['enq_server', ['EnqGetStatistic', 'EnqGetLockTable']],
  ['enq_replicator', []],
  ['msg_server', []],
  [
    'jstart',
    [
      'ICMGetThreadList',
      'ICMGetConnectionList',
      'J2EEGetProcessList2',
      'J2EEGetVMHeapInfo',
      'J2EEGetVMGCHistory2',
      'J2EEGetSharedTableInfo',
    ],
  ],
  ['sapwebdisp', ['ICMGetThreadList', 'ICMGetConnectionList', 'WebDispGetServerList']],
  ['hdbdaemon', []],
]
test.each(components)('an instance of %s is asked for what it has', (name, operations) => {
  const needsNone: readonly string[] = [
    'GetProcessList',
    'GetSystemInstanceList',
    'GetInstanceProperties',
    'GetVersionInfo',
    'GetAccessPointList',
    'GetAlertTree',
    'HAGetFailoverConfig',
    'HACheckConfig',
  ]
  const known = { processes: [process(name)], methods: undefined, signsIn: true }
  // The keys of the record are its operations.
  const all = Object.keys(sapControlReads) as SapControlRead[]
  const asked = all.filter((operation) => !needsNone.includes(operation) && decide(operation, known).is === 'ask')
  expect(asked).toEqual(operations)
})

test('the lists of methods are read as they come, and without them the usual is taken to be so', () => {
  const property = (name: string, value: string | null) => ({ property: name, propertytype: null, value })
  const methods = methodsOf([
    property('Webmethods', 'GetProcessList, GetAlertTree'),
    property('Protected Webmethods', 'GetAlertTree'),
  ])
  const known = { processes: [], signsIn: false }
  expect([
    [...(methods?.offered ?? [])],
    methodsOf([property('Webmethods', null)]),
    decide('GetAlertTree', { ...known, methods }).is,
    decide('GetAlertTree', { ...known, signsIn: true, methods }),
    decide('GetInstanceProperties', { ...known, methods: undefined }),
    decide('GetAlertTree', { ...known, methods: undefined }).is,
  ]).toEqual([
    ['GetProcessList', 'GetAlertTree'],
    undefined,
    'do not ask',
    { is: 'ask', signIn: true },
    { is: 'ask', signIn: false },
    'do not ask',
  ])
})
