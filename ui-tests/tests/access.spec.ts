import { expect, test } from '@jupyterlab/galata';

import * as data from '../fake/data';
import { FakeServer } from '../fake/server';
import { openPanel, type Panel } from '../panel';
import { enter, STATES } from '../states';

test.use({ autoGoto: false });

let fake: FakeServer;
let panel: Panel;

test.beforeEach(async ({ page }) => {
  fake = new FakeServer();
  fake.jobs = data.jobs;
  await fake.serve(page);
  await page.goto();
  panel = await openPanel(page);
});

/** Whether something in the panel is wider than the panel, except what is cut on purpose. */
async function overflow(): Promise<string[]> {
  return panel.root.evaluate(root => {
    const edge = root.getBoundingClientRect().right;
    return [...root.querySelectorAll<HTMLElement>('*')]
      .filter(node => node.getBoundingClientRect().right > edge + 1)
      .filter(node => !node.closest('.jp-Rucio-name, .jp-Rucio-hidden'))
      .map(node => node.className);
  });
}

test('nothing is wider than a panel of 240 pixels, in any state', async () => {
  test.setTimeout(300_000);
  await panel.resize(240);
  for (const state of STATES) {
    await enter(state, panel, fake);
    expect.soft(await overflow(), state.name).toEqual([]);
  }
});

test('at 400 % zoom the main job can still be done', async ({ page }, info) => {
  // 1280 by 1024 pixels at 400 % are 320 by 256 of the page's own.
  await page.setViewportSize({ width: 320, height: 256 });
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  await panel.button('Stage').scrollIntoViewIfNeeded();
  await page.screenshot({ path: info.outputPath('zoomed.png') });
  await panel.button('Stage').click();
  await panel.tab(/Jobs/).click();
  await panel.button('Pause').first().click();
  expect(await overflow()).toEqual([]);
});

test('targets are at least 24 pixels', async () => {
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  const small = await panel.root.evaluate(root =>
    [...root.querySelectorAll<HTMLElement>('button, select, input')]
      .filter(node => !node.closest('.jp-Rucio-rse')) // the whole line is the target
      .map(node => ({ node, box: node.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.height < 24 || box.width < 24))
      .map(({ node }) => node.outerHTML)
  );
  expect(small).toEqual([]);
});

test('all can be done by keyboard', async ({ page }) => {
  await panel.root.getByLabel('Scope', { exact: true }).focus();
  await page.keyboard.type('data');
  const offer = panel.root.getByRole('option').first();
  await expect(offer).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.type('*PHYSLITE*');
  await page.keyboard.press('Enter');
  await expect(panel.rows.first()).toBeVisible();

  await panel.root.getByRole('tree').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const second = panel.rows.nth(1);
  await expect(second).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowRight');
  await expect(second).toHaveAttribute('aria-expanded', 'true');
  await page.keyboard.press('ArrowRight');
  await expect(panel.rows.nth(2)).toHaveAttribute('aria-level', '2');
  await expect(panel.rows.nth(2)).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowLeft');
  await expect(second).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
  await expect(panel.button('Stage')).toBeFocused();

  await panel.button('Close the details').focus();
  await page.keyboard.press('Enter');
  await expect(panel.root.getByRole('tree')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(second).toHaveAttribute('aria-selected', 'false');
});

test('the focus returns to where a form was opened', async ({ page }) => {
  const more = panel.button('More');
  await more.click();
  await page.getByRole('menuitem', { name: /Add an Instance/ }).click();
  await expect(panel.root.getByLabel('Address', { exact: true })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(more).toBeFocused();
});
