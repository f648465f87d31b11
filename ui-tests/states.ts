import { expect } from '@playwright/test';

import type { FakeServer } from './fake/server';
import type { Panel } from './panel';
import { EXPLORE } from './states/explore';
import { FORMS } from './states/forms';
import { JOBS } from './states/jobs';
import { PANEL } from './states/panel';
import type { IState } from './states/state';

/** Every state of the panel, each to be entered after the one before it. */
export const STATES: IState[] = [...PANEL, ...EXPLORE, ...JOBS, ...FORMS];

/** The themes that JupyterLab brings along. */
export const THEMES = [
  'JupyterLab Light',
  'JupyterLab Dark',
  'JupyterLab Dark High Contrast'
];

/** Bring the panel into a state, and see that it says what it should. */
export async function enter(
  state: IState,
  panel: Panel,
  fake: FakeServer
): Promise<void> {
  fake.reset();
  state.fake?.(fake);
  await readAgain(panel);
  await state.go?.(panel);
  await expect(panel.root).toContainText(state.text);
  await expect(panel.button(state.action).first()).toBeVisible();
}

/** Have the panel ask its server again, as when a tab of the browser is seen again. */
async function readAgain(panel: Panel): Promise<void> {
  await panel.page.evaluate(() =>
    document.dispatchEvent(new Event('visibilitychange'))
  );
}
