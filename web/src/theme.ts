import { Button, CloseButton, createTheme, type MantineColorsTuple } from '@mantine/core'
import { texts } from './texts.ts'

/** A quiet blue-green, so that the only loud colours on the screen are those of alarms. Shade 7 on white has a contrast of 6.6 to 1. */
const petrol: MantineColorsTuple = [
  '#eef7fa',
  '#dbecf2',
  '#b3d9e6',
  '#87c4d9',
  '#63b2cd',
  '#3f97b5',
  '#237f9e',
  '#146984',
  '#0f5c73',
  '#084a5e',
]

/** Greys with the ground's own tinge, from the lightest. */
const dark: MantineColorsTuple = [
  '#e4e8eb',
  '#c3cbd1',
  '#a0aab2',
  '#828d96',
  '#4a545c',
  '#333b42',
  '#1f252a',
  '#1c2126',
  '#14181c',
  '#0e1114',
]

/** White words on shade 7 have a contrast of 5.5 to 1, which the library's own red has not. */
const red: MantineColorsTuple = [
  '#fff5f5',
  '#ffe3e3',
  '#ffc9c9',
  '#ffa8a8',
  '#ff8787',
  '#ff6b6b',
  '#e03131',
  '#c92a2a',
  '#b02525',
  '#971f1f',
]

export const theme = createTheme({
  primaryColor: 'petrol',
  // White words on it are readable in both schemes.
  primaryShade: 7,
  colors: { petrol, dark, red },
  components: {
    Button: Button.extend({ styles: { label: { fontWeight: 500 } } }),
    // A cross alone says nothing to a screen reader.
    CloseButton: CloseButton.extend({ defaultProps: { ...{ 'aria-label': texts.common.close } } }),
    // What is too wide for a phone is scrolled by keyboard as well.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
  },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "Liberation Mono", Menlo, monospace',
  defaultRadius: 'sm',
  cursorType: 'pointer',
  focusRing: 'auto',
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.9375rem' } },
  },
})
