import { monitorConformance } from '../sdk/testing.ts'
import { monitors } from './index.ts'

monitorConformance(monitors, new URL('.', import.meta.url))
