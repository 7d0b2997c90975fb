//! The fourteen languages of the demonstration district, with how many of its 1,450 students speak them at home, and names for those
//! that have none in `names`: common given names, and family names made up like the others.

use super::names::{ENGLISH, PORTUGUESE, SPANISH, Tongue};

/// Languages and speakers, most first.
pub(super) const SPOKEN: [(&Tongue, usize); 14] = [
    (&ENGLISH, 780),
    (&SPANISH, 420),
    (&VIETNAMESE, 50),
    (&CHINESE, 45),
    (&TAGALOG, 35),
    (&ARABIC, 25),
    (&PUNJABI, 20),
    (&HMONG, 15),
    (&KOREAN, 15),
    (&PORTUGUESE, 15),
    (&ARMENIAN, 10),
    (&PERSIAN, 8),
    (&RUSSIAN, 7),
    (&UKRAINIAN, 5),
];

/// The language of a place among 1,450.
pub(super) fn spoken(mut place: usize) -> &'static Tongue {
    for (tongue, speakers) in SPOKEN {
        if place < speakers {
            return tongue;
        }
        place -= speakers;
    }
    &ENGLISH
}

const VIETNAMESE: Tongue = Tongue {
    tag: "vi",
    women: &["An", "Bích", "Hương", "Lan", "Mai", "Thảo"],
    men: &["Bảo", "Đức", "Hùng", "Khánh", "Minh", "Tuấn"],
    families: &["Nguyễnmai", "Trầnson", "Lêvinh", "Phạmthu", "Đặnghoa"],
};
const CHINESE: Tongue = Tongue {
    tag: "zh-Hans",
    women: &["Hui", "Jing", "Li Na", "Mei", "Xiu", "Yan"],
    men: &["Bo", "Hao", "Jun", "Lei", "Ming", "Wei"],
    families: &["Chenshan", "Linhua", "Wangze", "Zhaoyun", "Xulan"],
};
const TAGALOG: Tongue = Tongue {
    tag: "fil",
    women: &["Amihan", "Dalisay", "Ligaya", "Luningning", "Mayumi", "Tala"],
    men: &["Bayani", "Dakila", "Isagani", "Lakan", "Makisig", "Rizalino"],
    families: &["Bagwisan", "Dimayuga-Ilog", "Liwanagan", "Magsaysayin", "Tagumpayan"],
};
const ARABIC: Tongue = Tongue {
    tag: "ar",
    women: &["Amal", "Dalia", "Huda", "Layla", "Noor", "Salma"],
    men: &["Bilal", "Hasan", "Karim", "Nabil", "Omar", "Tariq"],
    families: &["al-Nahrani", "al-Sahlawi", "Bahrouni", "Jabalani", "Wadiyan"],
};
const PUNJABI: Tongue = Tongue {
    tag: "pa",
    women: &["Amrit", "Gurleen", "Harpreet", "Jasleen", "Manpreet", "Simran"],
    men: &["Arjan", "Baldev", "Gurdeep", "Jaspal", "Kirpal", "Ranjit"],
    families: &["Dariawal", "Khetpur", "Neelgarh", "Pindwala", "Rukhsar-Singh"],
};
const HMONG: Tongue = Tongue {
    tag: "hmn",
    women: &["Bao", "Gao Nou", "Kaying", "Mai See", "Nkauj", "Pa Houa"],
    men: &["Chue", "Kou", "Leng", "Pao", "Tou", "Xeng"],
    families: &["Hawjtoj", "Lisroob", "Muastsua", "Vajzoo", "Yajdej"],
};
const KOREAN: Tongue = Tongue {
    tag: "ko",
    women: &["Da-eun", "Ha-yun", "Ji-woo", "Min-seo", "Seo-yeon", "Soo-ah"],
    men: &["Do-yun", "Hyun-woo", "Ji-ho", "Joon-seo", "Min-jun", "Si-woo"],
    families: &["Gangmoon", "Hansol", "Leebada", "Parkdeul", "Yoonsan"],
};
const ARMENIAN: Tongue = Tongue {
    tag: "hy",
    women: &["Ani", "Lusine", "Mariam", "Nare", "Shushan", "Talin"],
    men: &["Aram", "Davit", "Hayk", "Levon", "Narek", "Tigran"],
    families: &["Areviyan", "Dzorakyan", "Lernavan", "Sarahartyan", "Tumanlian"],
};
const PERSIAN: Tongue = Tongue {
    tag: "fa",
    women: &["Darya", "Golnaz", "Laleh", "Mina", "Parisa", "Shirin"],
    men: &["Arash", "Behnam", "Dariush", "Kaveh", "Ramin", "Siavash"],
    families: &["Baharzadeh", "Darehvand", "Golestanpour", "Kuhsari", "Rudbari"],
};
const RUSSIAN: Tongue = Tongue {
    tag: "ru",
    women: &["Alina", "Daria", "Ksenia", "Nina", "Polina", "Vera"],
    men: &["Anton", "Denis", "Gleb", "Ilya", "Maksim", "Pavel"],
    families: &["Beryozin-Lug", "Dubravsky", "Ozerovich", "Snegirin", "Yasnopolin"],
};
const UKRAINIAN: Tongue = Tongue {
    tag: "uk",
    women: &["Bohdana", "Halyna", "Ivanka", "Myroslava", "Oksana", "Solomiia"],
    men: &["Andrii", "Bohdan", "Danylo", "Nazar", "Ostap", "Taras"],
    families: &["Bilostepko", "Hayovenko", "Kalynchuk", "Richkivsky", "Zhuravlyk"],
};

#[cfg(test)]
mod tests {
    use super::{SPOKEN, spoken};
    use std::collections::BTreeSet;

    #[test]
    fn every_student_speaks_one_of_fourteen_languages() {
        assert_eq!(SPOKEN.iter().map(|(_, speakers)| speakers).sum::<usize>(), 1450);
        assert_eq!(SPOKEN.iter().map(|(tongue, _)| tongue.tag).collect::<BTreeSet<_>>().len(), 14);
        assert_eq!((spoken(0).tag, spoken(779).tag, spoken(780).tag, spoken(1449).tag), ("en", "en", "es", "uk"));
    }
}
