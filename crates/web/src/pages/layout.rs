//! The frame around every page: top bar, side navigation, breadcrumb, messages, footer. [`page`] is for a person who
//! is signed in, [`bare`] for sign-in and set-up.
//!
//! A page title never holds a name: browsers keep titles in their history.

use super::{
    i18n::{Locale, Texts, Zone, codes, format},
    icons, parts,
};
use crate::assets;
use maud::{DOCTYPE, Markup, html};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What htmx may do: no evaluation, no scripts from responses, own origin only, no page kept in browser storage, no
/// inline style. An error response replaces its target, so that a refused opening is seen where it was asked for.
const HTMX: &str = concat!(
    r#"{"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"#,
    r#""historyEnabled":false,"historyCacheSize":0,"includeIndicatorStyles":false,"#,
    r#""responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},"#,
    r#"{"code":"[45]..","swap":true,"error":true}]}"#,
);

/// The choice of light and dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system is set.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// A module in the side navigation. The caller lists only what the person may open.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NavItem {
    /// Address.
    pub href: String,
    /// Words, in the shell's language.
    pub label: String,
    /// Name of a drawing in [`icons`].
    pub icon: String,
    /// Heading under which it stands; items of one group follow one another.
    pub group: String,
    /// How many items wait there.
    pub count: Option<u64>,
}

/// The modules these pages bring, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Module {
    Home,
    Alerts,
    Patients,
    Clinic,
    Immunizations,
    Outbreaks,
    Medication,
    Glass,
    Browse,
    Docs,
    Users,
    Roles,
    SignIns,
    ApiKeys,
    Why,
    Rules,
    Providers,
    Modules,
    Audit,
    Compliance,
    Encryption,
    Erasures,
    Jobs,
    Outgoing,
    Webhooks,
    Account,
    Security,
}

/// A message about what just happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flash {
    /// Good, warning or bad.
    pub tone: parts::Tone,
    /// What happened and what to do.
    pub text: String,
}

/// Who is signed in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Names of the roles held.
    pub roles: Vec<String>,
}

/// What every page needs besides its own data.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Shell {
    /// The language.
    pub locale: Locale,
    /// Light or dark.
    pub theme: Theme,
    /// Who is signed in.
    pub person: Option<Person>,
    /// Name of the tenant.
    pub tenant: String,
    /// The modules the person may open.
    pub nav: Vec<NavItem>,
    /// Path of this page: marks the module and is where a change of language returns to.
    pub path: String,
    /// Messages about what just happened.
    pub flash: Vec<Flash>,
    /// A standing notice on every page, such as that nothing is kept.
    pub notice: Option<String>,
    /// The session's token against forged requests; in every form and htmx request.
    pub csrf: String,
    /// The request's number.
    pub request_id: String,
    /// Version of the program.
    pub version: String,
    /// When the rules that keep tenants apart were checked: at the start, ISO 8601.
    pub rules_checked_at: String,
    /// The tenant's zone, in which times are shown.
    pub zone: Zone,
    /// Today in the tenant's zone, ISO 8601: ages are counted to it.
    pub today: String,
    /// Whether htmx asks for a part of a page: then an error is a part as well.
    pub fragment: bool,
    /// Whether the person may search patients: shows the search in the top bar.
    pub may_search: bool,
    /// Notifications not read yet, in the bell.
    pub unread: u64,
    /// Whether the page keeps a live connection, by which the bell learns of new ones.
    pub live: bool,
    /// The purpose of use of this request: a code.
    pub purpose: String,
    /// The purposes the person may choose from; a chooser is shown when there are several.
    pub purposes: Vec<String>,
    /// The minute of this page in the tenant's zone, for what is printed of it.
    pub minute: String,
    /// Whether the notice of 42 CFR 2.32 goes with what the page shows.
    #[serde(skip)]
    pub part2: Part2,
}

/// Whether something labelled PART2 was told to a page. Known when its operations have run, which share it.
#[derive(Debug, Clone, Default)]
pub struct Part2(Arc<AtomicBool>);

impl Part2 {
    /// Notes that it was.
    pub fn told(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The page's own part of the frame.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Title, without health data.
    pub title: String,
    /// Where the page stands: label and address, outermost first, without the page itself.
    pub crumbs: Vec<(String, String)>,
}

impl Shell {
    /// The texts of the shell's language.
    #[must_use]
    pub fn t(&self) -> &'static Texts {
        self.locale.texts()
    }
}

impl Head {
    /// A page directly under the start page.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), crumbs: Vec::new() }
    }

    /// The same under one more page.
    #[must_use]
    pub fn under(mut self, label: impl Into<String>, href: impl Into<String>) -> Self {
        self.crumbs.push((label.into(), href.into()));
        self
    }
}

impl Module {
    /// All of them, in the order of the navigation: those of one group follow one another.
    pub const ALL: [Self; 27] = [
        Self::Home,
        Self::Alerts,
        Self::Patients,
        Self::Clinic,
        Self::Immunizations,
        Self::Outbreaks,
        Self::Medication,
        Self::Glass,
        Self::Browse,
        Self::Docs,
        Self::Users,
        Self::Roles,
        Self::SignIns,
        Self::ApiKeys,
        Self::Why,
        Self::Rules,
        Self::Providers,
        Self::Modules,
        Self::Audit,
        Self::Compliance,
        Self::Encryption,
        Self::Erasures,
        Self::Jobs,
        Self::Outgoing,
        Self::Webhooks,
        Self::Account,
        Self::Security,
    ];

    /// The navigation item of the module.
    #[must_use]
    pub fn item(self, locale: Locale) -> NavItem {
        let t = locale.texts();
        let (href, label, icon, group) = match self {
            Self::Home => ("/", t.ui.home, "home", ""),
            Self::Alerts => ("/alerts", t.alert_center.title, "bell", ""),
            Self::Patients => ("/patients", t.people.patients, "people", ""),
            Self::Clinic => ("/clinic", t.clinic.title, "clinic", ""),
            Self::Immunizations => ("/immunizations", t.immunization.title, "syringe", ""),
            Self::Outbreaks => ("/outbreaks", t.outbreak.title, "curve", ""),
            Self::Medication => ("/medications", t.medication.round, "pill", ""),
            Self::Glass => ("/glass", t.access.glass, "alert", ""),
            Self::Browse => ("/browse", t.data.browser, "table", t.ui.group_data),
            Self::Docs => ("/docs", t.data.api, "book", t.ui.group_data),
            Self::Users => ("/users", t.accounts.title, "people", t.ui.group_access),
            Self::Roles => ("/roles", t.access.roles, "badge", t.ui.group_access),
            Self::SignIns => ("/sign-ins", t.accounts.sign_ins, "out", t.ui.group_access),
            Self::ApiKeys => ("/api-keys", t.accounts.api_keys, "key", t.ui.group_access),
            Self::Why => ("/why", t.access.why, "question", t.ui.group_access),
            Self::Rules => ("/security-configuration", t.security.rules_title, "sliders", t.ui.group_access),
            Self::Providers => ("/identity-providers", t.connections.providers, "door", t.ui.group_access),
            Self::Modules => ("/modules", t.accounts.modules, "tiles", t.ui.group_access),
            Self::Audit => ("/audit", t.data.audit, "eye", t.ui.group_evidence),
            Self::Compliance => ("/compliance", t.compliance.title, "shield", t.ui.group_evidence),
            Self::Encryption => ("/encryption", t.keys.title, "key", t.ui.group_evidence),
            Self::Erasures => ("/erasures", t.erasure.title, "bin", t.ui.group_evidence),
            Self::Jobs => ("/jobs", t.notices.jobs, "clock", t.ui.group_work),
            Self::Outgoing => ("/outgoing", t.notices.outgoing, "send", t.ui.group_work),
            Self::Webhooks => ("/webhooks", t.connections.webhooks, "signal", t.ui.group_work),
            Self::Security => ("/account/security", t.security.title, "lock", t.ui.group_self),
            Self::Account => ("/account", t.ui.account, "person", t.ui.group_self),
        };
        NavItem { href: href.into(), label: label.into(), icon: icon.into(), group: group.into(), count: None }
    }
}

/// The hidden field that every POST form carries.
#[must_use]
pub fn csrf(shell: &Shell) -> Markup {
    html! { input type="hidden" name="_csrf" value=(shell.csrf); }
}

/// A whole page for a person who is signed in.
#[must_use]
pub fn page(shell: &Shell, head: &Head, body: &Markup) -> Markup {
    let t = shell.t();
    document(
        shell,
        &head.title,
        &html! {
            a class="skip" href="#main" { (t.ui.skip) }
            (top(shell))
            @if let Some(notice) = &shell.notice { div class="notice" role="note" { (notice) } }
            (part2(shell))
            @if shell.purpose == "BTG" { div class="notice" role="note" { (t.access.glass_banner) } }
            div class="frame" {
                (side(shell))
                main id="main" tabindex="-1" {
                    (crumbs(shell, head))
                    (flash(shell))
                    (body)
                }
            }
            (footer(shell))
            (mark(shell))
        },
    )
}

/// The notice of 42 CFR 2.32, where it goes with what is shown.
#[must_use]
pub fn part2(shell: &Shell) -> Markup {
    html! { @if shell.part2.is_told() { div class="notice" role="note" { (shell.t().access.part2) } } }
}

/// What stands on every sheet that is printed of a page: who printed it, when, and for what purpose.
fn mark(shell: &Shell) -> Markup {
    let who = shell.person.as_ref().map_or("", |p| if p.name.is_empty() { &p.email } else { &p.name });
    html! { div class="print-mark" { (who) " · " (shell.tenant) " · " (shell.minute) " · " (shell.purpose) } }
}

/// A page for nobody in particular: the wordmark and one panel.
#[must_use]
pub fn bare(shell: &Shell, title: &str, body: &Markup) -> Markup {
    document(
        shell,
        title,
        &html! {
            @if let Some(notice) = &shell.notice { div class="notice" role="note" { (notice) } }
            main id="main" class="bare" {
                div class="bare-brand" { (icons::wordmark()) }
                (flash(shell))
                (body)
                (switches(shell))
            }
            (footer(shell))
        },
    )
}

/// A page that the browser keeps for when the server is not reached: nothing on it asks the server for anything.
#[must_use]
pub fn kept(shell: &Shell, head: &Head, body: &Markup) -> Markup {
    document(
        shell,
        &head.title,
        &html! {
            @if let Some(notice) = &shell.notice { div class="notice" role="note" { (notice) } }
            main id="main" class="bare" { div class="bare-brand" { (icons::wordmark()) } (body) }
        },
    )
}

/// A page without a frame: whoever stands before it goes nowhere else from here.
#[must_use]
pub fn alone(shell: &Shell, title: &str, body: &Markup) -> Markup {
    document(
        shell,
        title,
        &html! {
            @if let Some(notice) = &shell.notice { div class="notice" role="note" { (notice) } }
            (body)
        },
    )
}

fn document(shell: &Shell, title: &str, body: &Markup) -> Markup {
    let theme = match shell.theme {
        Theme::Auto => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    };
    html! {
        (DOCTYPE)
        html lang=(shell.locale.tag()) data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX);
                title { (title) " · Salus" }
                link rel="icon" type="image/svg+xml" href=(assets::url("salus.svg"));
                link rel="stylesheet" href=(assets::url("salus.css"));
                script src=(assets::url("vendor/htmx.min.js")) defer {}
                script src=(assets::url("salus.js")) type="module" {}
            }
            body hx-headers=(serde_json::json!({ "X-CSRF-Token": shell.csrf })) { (body) }
        }
    }
}

fn top(shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        header class="top" {
            button class="bar-button only-small" type="button" popovertarget="side" aria-label=(t.ui.menu) {
                (icons::icon("menu"))
            }
            a class="brand" href="/" { (icons::wordmark()) }
            span class="tenant" { (shell.tenant) }
            @if shell.may_search {
                form class="top-search" role="search" method="post" action="/patients" {
                    (csrf(shell))
                    (icons::icon("search"))
                    input type="search" name="q" data-search autocomplete="off" aria-label=(t.people.search_label)
                        placeholder=(t.people.search_short) aria-keyshortcuts="/";
                    kbd aria-hidden="true" { "/" }
                }
            }
            @if shell.person.is_some() { (bell(shell)) }
            @if let Some(person) = &shell.person {
                button class="bar-button who" type="button" popovertarget="user-menu" {
                    (icons::icon("person"))
                    span class="unseen" { (t.ui.your_menu) ": " }
                    span class="who-name" { (person.name) }
                    (icons::icon("down"))
                }
                div id="user-menu" class="menu" popover {
                    p class="menu-head" {
                        strong { (person.name) }
                        span { (person.email) }
                        span class="only-small" { (shell.tenant) }
                        @if !person.roles.is_empty() { span class="muted" { (person.roles.join(", ")) } }
                    }
                    (purposes(shell))
                    a class="menu-item" href="/account" { (icons::icon("lock")) (t.ui.account) }
                    (switches(shell))
                    form method="post" action="/sign-out" {
                        (csrf(shell))
                        button class="menu-item" type="submit" { (icons::icon("out")) (t.ui.sign_out) }
                    }
                }
            }
        }
    }
}

/// The way to the notifications, with how many are unread. A live connection changes the number.
fn bell(shell: &Shell) -> Markup {
    let t = &shell.t().notices;
    let n = format::count(shell.locale, shell.unread);
    html! {
        a class="bar-button bell" href="/notifications" data-bell data-live=[shell.live.then_some("")] title=(t.title) {
            (icons::icon("bell"))
            span class="unseen" { (t.title) ": " }
            span class="count" data-unread hidden[shell.unread == 0] { (n) }
            span class="unseen" { " " (t.unread) }
        }
    }
}

/// The choice of a purpose of use, where the roles held serve several.
fn purposes(shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        @if shell.purposes.len() > 1 {
            form class="menu-form" method="post" action="/preferences" {
                (csrf(shell))
                input type="hidden" name="return_to" value=(shell.path);
                label for="menu-purpose" { (t.access.purpose) }
                select id="menu-purpose" name="purpose" {
                    @for code in &shell.purposes {
                        option value=(code) selected[*code == shell.purpose] { (codes::label(shell.locale, code)) }
                    }
                }
                button class="button quiet" type="submit" { (t.access.change_purpose) }
            }
        }
    }
}

/// The switches of language and theme: plain forms, which a script makes instant.
fn switches(shell: &Shell) -> Markup {
    let t = shell.t();
    let themes =
        [(Theme::Auto, "auto", t.ui.auto), (Theme::Light, "light", t.ui.light), (Theme::Dark, "dark", t.ui.dark)];
    html! {
        div class="switches" {
            form method="post" action="/preferences" {
                (csrf(shell))
                input type="hidden" name="return_to" value=(shell.path);
                fieldset class="segments" {
                    legend { (t.ui.language) }
                    @for locale in Locale::ALL {
                        button type="submit" name="language" value=(locale.tag()) lang=(locale.tag()) title=(locale.name())
                            aria-pressed=(if locale == shell.locale { "true" } else { "false" }) { (locale.tag()) }
                    }
                }
            }
            form method="post" action="/preferences" data-theme-form {
                (csrf(shell))
                input type="hidden" name="return_to" value=(shell.path);
                fieldset class="segments" {
                    legend { (t.ui.theme) }
                    @for (theme, value, label) in themes {
                        button type="submit" name="theme" value=(value)
                            aria-pressed=(if theme == shell.theme { "true" } else { "false" }) { (label) }
                    }
                }
            }
        }
    }
}

fn side(shell: &Shell) -> Markup {
    let current = shell
        .nav
        .iter()
        .filter(|item| {
            shell.path == item.href || shell.path.starts_with(&format!("{}/", item.href.trim_end_matches('/')))
        })
        .filter(|item| item.href != "/" || shell.path == "/")
        .max_by_key(|item| item.href.len())
        .map(|item| item.href.as_str());
    html! {
        nav id="side" class="side" popover aria-label=(shell.t().ui.modules) {
            ul {
                @for (i, item) in shell.nav.iter().enumerate() {
                    @if !item.group.is_empty() && (i == 0 || shell.nav[i - 1].group != item.group) {
                        li class="side-group" { (item.group) }
                    }
                    li {
                        a href=(item.href) aria-current=[(current == Some(&item.href)).then_some("page")] {
                            (icons::icon(&item.icon))
                            span { (item.label) }
                            @if let Some(n) = item.count { span class="count" { (n) } }
                        }
                    }
                }
            }
        }
    }
}

fn crumbs(shell: &Shell, head: &Head) -> Markup {
    html! {
        @if !head.crumbs.is_empty() {
            nav class="crumbs" aria-label=(shell.t().ui.breadcrumb) {
                ol {
                    @for (label, href) in &head.crumbs { li { a href=(href) { (label) } } }
                    li aria-current="page" { (head.title) }
                }
            }
        }
    }
}

fn flash(shell: &Shell) -> Markup {
    html! {
        div class="flashes" role="status" aria-live="polite" {
            @for flash in &shell.flash {
                p class={ "flash tone-" (flash.tone.class()) } { (flash.tone.sign(shell)) (flash.text) }
            }
        }
    }
}

fn footer(shell: &Shell) -> Markup {
    let t = shell.t();
    html! {
        footer class="foot" {
            span { (t.ui.request) " " code { (shell.request_id) } }
            // A server that finds a rule broken does not serve. The proof itself, `salus prove`, has a page of its own.
            span class="tone-good" {
                (parts::Tone::Good.sign(shell)) (t.ui.isolation_rules) " · " (parts::moment(shell, &shell.rules_checked_at))
            }
            span class="push" { "Salus " (shell.version) }
        }
    }
}
