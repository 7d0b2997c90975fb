//! Line drawings of 20 by 20 units in the colour of the text around them, and the wordmark. All are decorative:
//! the word beside them says what they mean.

use maud::{Markup, html};

/// The drawing of this name; an unknown name gives a dot.
#[must_use]
pub fn icon(name: &str) -> Markup {
    let path = match name {
        "home" => "M3 9.5 10 4l7 5.5V16a1 1 0 0 1-1 1h-3.5v-5h-5v5H4a1 1 0 0 1-1-1z",
        "people" => {
            "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6M2 17c0-3.2 2.4-5 5.5-5s5.5 1.8 5.5 5M13 9.3a2.8 2.8 0 0 0 0-5.5M15 12.3c1.9.6 3 2.3 3 4.7"
        }
        "eye" => {
            "M1.5 10S4.5 4.5 10 4.5 18.5 10 18.5 10 15.5 15.5 10 15.5 1.5 10 1.5 10M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5"
        }
        "clinic" => "M4 6h12v11H4zM7.5 6V3.5h5V6M10 9v5M7.5 11.5h5",
        "syringe" => "M13.5 2.5l4 4M15.5 4.5l-3 3M10 5l5 5-6.5 6.5H3.5v-5zM7.5 7.5l2 2M5.5 9.5l2 2M3.5 16.5l-1.5 1.5",
        "pill" => "M6.2 16.3a4 4 0 0 1-2.5-6.8l5.8-5.8a4 4 0 0 1 5.7 5.7l-5.8 5.8a4 4 0 0 1-3.2 1.1M6.6 6.6l5.7 5.7",
        "curve" => "M3 3.5v13.5h14.5M6 17v-3M9 17V9.5M12 17V6.5M15 17v-5.5",
        "table" => "M3 4h14v12H3zM3 8h14M3 12h14M8 8v8",
        "book" => "M4 3.5h9.5A2.5 2.5 0 0 1 16 6v10.5H6.5A2.5 2.5 0 0 1 4 14zM4 14a2.5 2.5 0 0 1 2.5-2.5H16",
        "shield" => "M10 2.5 16.5 5v4.5c0 4-2.8 6.7-6.5 8-3.7-1.3-6.5-4-6.5-8V5zM7.2 9.8l2 2 3.6-3.8",
        "person" => "M10 9.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4M3.5 17.2c0-3.4 2.9-5.2 6.5-5.2s6.5 1.8 6.5 5.2",
        "alert" => "M10 3 18 16.5H2zM10 8v4M10 14.3h.01",
        "search" => "M8.8 14.5a5.7 5.7 0 1 0 0-11.4 5.7 5.7 0 0 0 0 11.4M13 13l4 4",
        "tiles" => "M3.5 3.5h5v5h-5zM11.5 3.5h5v5h-5zM3.5 11.5h5v5h-5zM11.5 11.5h5v5h-5z",
        "door" => "M5 17V3.5h10V17M3 17h14M12 10.5h.01",
        "signal" => {
            "M10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4M5.8 14.2a6 6 0 0 1 0-8.4M14.2 5.8a6 6 0 0 1 0 8.4M3.3 16.7a9.5 9.5 0 0 1 0-13.4M16.7 3.3a9.5 9.5 0 0 1 0 13.4"
        }
        "menu" => "M3 5.5h14M3 10h14M3 14.5h14",
        "plus" => "M10 4v12M4 10h12",
        "lock" => "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
        "bell" => {
            "M10 3a4.5 4.5 0 0 0-4.5 4.5c0 4-1.5 5.5-1.5 5.5h12s-1.5-1.5-1.5-5.5A4.5 4.5 0 0 0 10 3M8.5 16a1.6 1.6 0 0 0 3 0"
        }
        "clock" => "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 6v4.2l2.8 1.8",
        "send" => "M17 3 3 9l5.5 2.5L11 17zM17 3l-8.5 8.5",
        "badge" => {
            "M4 5h12v11H4zM8 5V3h4v2M10 11a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4M7 14c.5-1.3 1.6-2 3-2s2.5.7 3 2"
        }
        "question" => "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M8 8.2a2 2 0 1 1 3.2 1.6c-.8.6-1.2.9-1.2 1.7M10 13.8h.01",
        "sliders" => "M3 6h8M15 6h2M3 14h2M9 14h8M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4M7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
        "key" => "M7 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M10.5 10H18M15 10v3M17.5 10v2.2",
        "bin" => "M3.5 5.5h13M8 5.5V3.5h4v2M5.5 5.5l.8 11.5h7.4l.8-11.5M8.5 8.5v5.5M11.5 8.5v5.5",
        "down" => "M5.5 8 10 12.5 14.5 8",
        "edit" => "M4 16l.8-3.5L13.5 3.8l2.7 2.7L7.5 15.2zM11.8 5.5l2.7 2.7",
        "out" => "M8 3.5H4v13h4M8.5 10H17M13.5 6.5 17 10l-3.5 3.5",
        _ => "M10 9.5h.01",
    };
    html! {
        svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false" {
            path d=(path) {}
        }
    }
}

/// The wordmark: a bowl with a serpent, as Hygieia (in Latin, Salus) holds it, and the name.
#[must_use]
pub fn wordmark() -> Markup {
    html! {
        svg class="wordmark" viewBox="0 0 98 28" width="98" height="28" role="img" aria-label="Salus" {
            rect class="mark" x="0" y="0" width="28" height="28" rx="7" {}
            path class="cut" d="M6 14.5h16c0 4.6-3.6 7.5-8 7.5s-8-2.9-8-7.5z" {}
            path class="cut line" d="M18.5 11.5c0-2.2-7-1.8-7-4.3 0-1.5 1.7-2.2 3.2-2.2 1.7 0 2.7.7 3.3 1.6" {}
            path class="word" d="M46.5 9.3C45.7 7.8 44.2 7 42.2 7c-2.5 0-4.2 1.3-4.2 3.3 0 4.7 9 2.2 9 7 0 2.2-1.9 3.7-4.7 3.7-2.3 0-4-1-4.8-2.8" {}
            path class="word" d="M58.5 11.8V21M58.5 16.4a4.2 4.6 0 1 0-8.4 0 4.2 4.6 0 1 0 8.4 0M63.3 6v15M68 11.8v5.6c0 2.3 1.3 3.6 3.5 3.6s4-1.5 4-4v-5.2M75.5 17v4" {}
            path class="word" d="M86.3 13.7c-.6-1.3-1.7-1.9-3.2-1.9-1.9 0-3.1.9-3.1 2.3 0 3.3 6.7 1.3 6.7 4.7 0 1.5-1.4 2.4-3.4 2.4-1.8 0-3.1-.7-3.7-2.1" {}
        }
    }
}
