//! The honest guest: puts a person into one of four age bands by year of birth. A missing or future year drops the row.
#![no_std]

#[path = "../../../sdk/guest/rust/darkroom.rs"]
mod darkroom;

struct AgeBand {
    as_of: i64,
    birth_year: usize,
    age_band: usize,
}

impl darkroom::Aggregate for AgeBand {
    fn new(run: &darkroom::Run) -> Option<Self> {
        Some(AgeBand { as_of: run.int64("as_of")?, birth_year: run.column("birth_year")?, age_band: run.key("age_band")? })
    }

    fn batch(&mut self, rows: &darkroom::Batch) -> Option<()> {
        let (born, band) = (rows.int64(self.birth_year)?, rows.key(self.age_band)?);
        for i in rows.valid(self.birth_year)? {
            match self.as_of - born[i] {
                0..=17 => band[i].set(0),
                18..=44 => band[i].set(1),
                45..=64 => band[i].set(2),
                65.. => band[i].set(3),
                _ => {}
            }
        }
        Some(())
    }
}

darkroom::register!(AgeBand);
