import {
  sapControlReads,
  type SapComponent,
  type SapControlRead,
  type SapRead,
  type SapRow,
  type WhyNotAsked,
} from '../../sdk/index.ts'

/** What decides whether a start service is asked for something. */
export interface Known {
  /** Of a moment ago. */
  readonly processes: readonly SapRow<'GetProcessList'>[]
  /** What the service says of itself; undefined where it did not. */
  readonly methods: Methods | undefined
  readonly signsIn: boolean
}

export interface Methods {
  readonly offered: ReadonlySet<string>
  readonly protected: ReadonlySet<string>
}

export type Decision =
  | { readonly is: 'ask'; readonly signIn: boolean }
  | { readonly is: 'do not ask'; readonly why: WhyNotAsked; readonly message: string }

/**
 * What every start service answers without a password unless it is told otherwise: what all of five kernels recorded by others leave open.
 */
const openEverywhere: ReadonlySet<string> = new Set<SapControlRead>([
  'GetProcessList',
  'GetSystemInstanceList',
  'GetInstanceProperties',
])

/** Programs that show, where the process list has them, that a component is there. ICM is a child of whoever serves HTTP. */
const programs: Readonly<Record<SapComponent, RegExp>> = {
  ABAP: /^disp\+work/i,
  ENQUE: /^(enserver|enq_server)/i,
  ICM: /^(icman|disp\+work|jstart|jcontrol|sapwebdisp)/i,
  J2EE: /^(jstart|jcontrol)/i,
  WEBDISP: /^sapwebdisp/i,
}

const componentWords: Readonly<Record<SapComponent, string>> = {
  ABAP: 'no ABAP dispatcher',
  ENQUE: 'no enqueue server',
  ICM: 'no ICM',
  J2EE: 'no Java server',
  WEBDISP: 'no Web Dispatcher',
}

/** Why an operation is left alone while processes start, stop or fail; undefined where none does. */
export function whyPaused(
  operation: SapControlRead,
  processes: readonly SapRow<'GetProcessList'>[],
  ignored: readonly string[],
): { readonly why: 'paused'; readonly message: string } | undefined {
  const notGreen = processes.find(
    ({ name, dispstatus }) => dispstatus !== 'SAPControl-GREEN' && !ignored.includes(name ?? ''),
  )
  if (notGreen === undefined) return undefined
  const state = [notGreen.dispstatus?.replace('SAPControl-', ''), notGreen.textstatus].filter((one) => one).join(', ')
  const name = notGreen.name ?? notGreen.description ?? 'a process'
  return {
    why: 'paused',
    message: `${operation} is not asked for while ${name} is not GREEN (${state || 'no state'})`,
  }
}

/** Decides for every operation but GetProcessList, which may always be asked for, while nothing is paused. */
export function decide(operation: SapControlRead, known: Known): Decision {
  const how: SapRead = sapControlReads[operation]
  if (how.component !== undefined) {
    const program = programs[how.component]
    if (!known.processes.some(({ name }) => program.test(name ?? '')))
      return { is: 'do not ask', why: 'absent', message: `this instance has ${componentWords[how.component]}` }
  }
  const { methods } = known
  if (methods !== undefined && methods.offered.size > 0 && !methods.offered.has(operation))
    return { is: 'do not ask', why: 'absent', message: `this start service does not offer ${operation}` }
  return signIn(operation, methods, known.signsIn)
}

/** Whether the user goes along: only where it is needed, so that a wrong password spoils nothing that needs none. */
export function signIn(operation: SapControlRead, methods: Methods | undefined, signsIn: boolean): Decision {
  const isProtected = methods === undefined ? !openEverywhere.has(operation) : methods.protected.has(operation)
  if (!isProtected) return { is: 'ask', signIn: false }
  return signsIn ? { is: 'ask', signIn: true } : { is: 'do not ask', why: 'locked', message: locked(operation) }
}

export function locked(operation: SapControlRead): string {
  return `this start service protects ${operation}: give the connector an operating-system user of the SAP host, or take the method out of service/protectedwebmethods`
}

/** What GetInstanceProperties says of the methods; undefined where it says nothing of them. */
export function methodsOf(properties: readonly SapRow<'GetInstanceProperties'>[]): Methods | undefined {
  const list = (name: string) => {
    const value = properties.find(({ property }) => property === name)?.value
    return value === undefined || value === null ? undefined : new Set(value.split(',').map((one) => one.trim()))
  }
  const offered = list('Webmethods')
  const protectedOnes = list('Protected Webmethods')
  if (offered === undefined && protectedOnes === undefined) return undefined
  return { offered: offered ?? new Set(), protected: protectedOnes ?? new Set() }
}

const firstPauseMs = 120_000
const longestPauseMs = 3_600_000

/** How long an operation is left alone after so many faults in a row. The process list shows that all is well again, so never for long. */
export function pauseAfter(operation: SapControlRead, faults: number): number {
  const how: SapRead = sapControlReads[operation]
  const longest = operation === 'GetProcessList' ? firstPauseMs : longestPauseMs
  return Math.max(how.sharedMs ?? 0, Math.min(longest, firstPauseMs * 2 ** Math.min(faults - 1, 10)))
}
