import { expect, test } from '@jupyterlab/galata';

import { dataset, instance, instances } from '../fake/data';
import * as jobs from '../fake/jobs';
import { FakeServer } from '../fake/server';
import { openPanel, type Panel } from '../panel';
import { enter, STATES } from '../states';

test.use({
  autoGoto: false,
  trace: 'off' // of so many states it takes far longer than what it records
});

let fake: FakeServer;
let panel: Panel;

test.beforeEach(async ({ page }) => {
  fake = new FakeServer();
  fake.jobs = jobs.jobs;
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

test('beside long names the time that is left is told in full', async ({
  page
}) => {
  const { account } = instance;
  fake.instances = {
    ...instances,
    instances: [
      {
        ...instance,
        display_name: 'Worldwide LHC Computing Grid, integration',
        account: { ...account, account: 'robot-production-higgs' }
      }
    ]
  };
  await page.reload();
  panel = await openPanel(page);
  await panel.resize(240);
  const button = await panel.button(/^Account: robot/).boundingBox();
  const left = await panel.root.getByText(/· 1 h \d+ left/).boundingBox();
  const end = (box: typeof left) => (box ? box.x + box.width : NaN);
  expect(end(left)).toBeLessThanOrEqual(end(button));
  expect(await overflow()).toEqual([]);
});

test('in a side bar as wide as it is at first, usual names are told in full', async ({
  page
}) => {
  const expires_at = Date.now() / 1000 + 1950;
  const account = { ...instance.account, expires_at };
  const only = { ...instance, display_name: 'Test grid', account };
  fake.instances = { ...instances, instances: [only] };
  await page.reload();
  panel = await openPanel(page);
  for (const name of ['Test grid', 'alice']) {
    const cut = await panel.root
      .getByText(name, { exact: true })
      .evaluate(node => node.scrollWidth > node.clientWidth);
    expect(cut, name).toBe(false);
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

/** What can be hit with a pointer, but is lower or narrower than 24 pixels. */
async function small(): Promise<string[]> {
  return panel.root.evaluate(root => {
    const targets =
      'button, select, input, textarea, summary, a, [role="option"], [role="treeitem"], ' +
      '[role="separator"], .jp-Rucio-row-caret';
    /** A radio button is hit anywhere in its line; a divider beyond what is seen of it. */
    const boxOf = (node: HTMLElement) => {
      const box = (node.closest('label') ?? node).getBoundingClientRect();
      const beyond = parseFloat(getComputedStyle(node, '::after').height) || 0;
      return { width: box.width, height: Math.max(box.height, beyond) };
    };
    return [...root.querySelectorAll<HTMLElement>(targets)]
      .filter(node => node.checkVisibility())
      .map(node => ({ node, box: boxOf(node) }))
      .filter(({ box }) => box.height < 23.9 || box.width < 23.9)
      .map(({ node }) => node.outerHTML);
  });
}

test('targets are at least 24 pixels, in any state', async () => {
  test.setTimeout(300_000);
  await panel.resize(330);
  for (const state of STATES) {
    await enter(state, panel, fake);
    expect.soft(await small(), state.name).toEqual([]);
  }
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
  await expect(panel.rows.nth(2)).toHaveAttribute('aria-level', '2');
  await expect(panel.rows.nth(2)).not.toHaveText('Loading…');
  await page.keyboard.press('ArrowRight');
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

test('DIDs that are not neighbours can be chosen by keyboard', async ({
  page
}) => {
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await expect(panel.rows.first()).toBeVisible();
  await panel.root.getByRole('tree').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Control+ArrowDown');
  await page.keyboard.press('Control+ArrowDown');
  await page.keyboard.press('Space');
  const chosen = panel.root.getByRole('treeitem', { selected: true });
  await expect(chosen).toHaveCount(2);
  await expect(panel.rows.nth(1)).toHaveAttribute('aria-selected', 'false');
  await expect(panel.rows.nth(2)).toHaveAttribute('aria-selected', 'true');
});

test('the DIDs that are chosen are copied by keyboard', async ({
  page,
  context
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(0).click();
  await panel.rows.nth(1).click({ modifiers: ['Shift'] });
  await panel.root.getByRole('tree').press('ControlOrMeta+c');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.split('\n')).toEqual(
    [31, 32].map(run => `data25_13p6TeV:${dataset(run).did.name}`)
  );
});

test('the details are folded away and come back by keyboard', async ({
  page
}) => {
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  const details = panel.root.getByRole('region', { name: 'Details' });
  const divider = panel.root.getByRole('separator');
  await expect(details).toBeVisible();
  await divider.focus();
  await page.keyboard.press('Enter');
  await expect(details).toBeHidden();
  await expect(divider).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await expect(details).toBeVisible();
});

test('the focus stays in the panel when what had it has done its work', async ({
  page
}) => {
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  await panel.button('Stage').focus();
  await page.keyboard.press('Enter');
  await expect(panel.button('Show in Jobs')).toBeFocused();

  await panel.tab(/Jobs/).click();
  const jobs = panel.root.locator('.jp-Rucio-job');
  await jobs
    .filter({ hasText: 'Cancelled' })
    .getByRole('button', { name: 'Take off the list' })
    .focus();
  fake.jobs = fake.jobs.slice(0, -1);
  await page.keyboard.press('Enter');
  await expect(
    jobs.last().getByRole('button', { name: /^Files of/ })
  ).toBeFocused();
});

test('a search without a scope says what it lacks', async ({ page }) => {
  const scope = panel.root.getByLabel('Scope', { exact: true });
  await panel.search('', '*PHYSLITE*');
  await expect(panel.root.getByRole('alert')).toContainText('Choose a scope');
  await expect(scope).toBeFocused();
  await page.keyboard.type('data');
  await expect(panel.root.getByRole('alert')).toBeHidden();
});

test('what is chosen and icons are seen where the system puts its own colours', async ({
  page
}) => {
  await page.emulateMedia({ forcedColors: 'active' });
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  await expect(panel.rows.nth(1)).toHaveCSS('outline-style', 'solid');
  await expect(panel.rows.nth(2)).toHaveCSS('outline-style', 'none');
  const search = panel.button('Search');
  const colour = await search.evaluate(node => getComputedStyle(node).color);
  await expect(search.locator('path[fill]').first()).toHaveCSS('fill', colour);
});

test('the focus returns to where a menu was opened', async ({ page }) => {
  await panel.search('data25_13p6TeV', '*PHYSLITE*');
  await panel.rows.nth(1).click();
  const tree = panel.root.getByRole('tree');
  await tree.press('Shift+F10');
  await expect(page.getByRole('menuitem', { name: 'Stage' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(tree).toBeFocused();
});

test('the focus returns to where a form was opened', async ({ page }) => {
  const more = panel.button('More');
  await more.click();
  await page.getByRole('menuitem', { name: /Add an Instance/ }).click();
  await expect(panel.root.getByLabel('Address', { exact: true })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(more).toBeFocused();
});
