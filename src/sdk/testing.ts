export { alarmStep, brokenDeclaration, brokenHttpPromises, httpStatuses } from './plugin-testing.ts'
